-- Returns an account as it is at a time, as JSON; false when there is none. Changes nothing.
--
-- KEYS: account · ARGV: now, customer
local account = open(nil, ARGV[2], KEYS[1], tonumber(ARGV[1]))
return account and cjson.encode(account)
