-- Ends what was due by now, of some accounts.
--
-- KEYS: journal, due, then accounts · ARGV: now, then the accounts' customers
for place = 3, #KEYS do
  open(KEYS[1], ARGV[place - 1], KEYS[place], tonumber(ARGV[1]))
end
write_all(KEYS[2])
return #KEYS - 2
