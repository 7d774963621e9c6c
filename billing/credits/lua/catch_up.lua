-- Ends what was due by now, of some accounts.
--
-- KEYS: journal, due, then accounts · ARGV: now, then the accounts' customers
-- Returns the customers whose accounts are not there
local missing = {}
for place = 3, #KEYS do
  if not open(KEYS[1], ARGV[place - 1], KEYS[place], tonumber(ARGV[1])) then
    missing[#missing + 1] = ARGV[place - 1]
  end
end
write_all(KEYS[2])
return missing
