-- Writes an account as the ledger knows it, unless it is there, and answers that were given under idempotency keys.
--
-- KEYS: epoch, due, account, transfers under way, then idempotency keys
-- ARGV: epoch, customer, account as JSON, then of each key: request, answer as JSON, how long it is kept (ms)
-- Returns restored, there, or closed: the epoch is another one
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 'closed'
end
if redis.call('EXISTS', KEYS[3]) == 1 then
  return 'there'
end
local account = cjson.decode(ARGV[3])
account.due = 0
write(KEYS[3], KEYS[2], ARGV[2], account)
for transfer, text in pairs(account.transfers) do
  redis.call('HSET', KEYS[4], transfer, text)
end
keep_answers(5, 4)
return 'restored'
