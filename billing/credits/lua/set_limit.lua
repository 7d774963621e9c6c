-- Makes an account unlimited, or limited again: what is held and granted stays as it is.
--
-- KEYS: journal, due, account, idempotency key
-- ARGV: now, how long the answer is kept (ms), customer, id, amount (0), operation, metadata, actor, key, request, unlimited (1 or 0)
-- Returns {done | replayed, id, balance, at}, {reused} or {no_account}
local journal, due, now, keep = KEYS[1], KEYS[2], tonumber(ARGV[1]), ARGV[2]
local customer, id, operation, metadata = ARGV[3], ARGV[4], ARGV[6], ARGV[7]
local actor, key, request, unlimited = ARGV[8], ARGV[9], ARGV[10], ARGV[11] == '1'

local kept = kept_answer(KEYS[4], request)
if kept then
  return kept
end
local account = open(journal, customer, KEYS[3], now)
if not account then
  return { 'no_account' }
end
account.unlimited = unlimited
append(journal, account,
  { type = 'limit_changed', id = id, customer = customer, at = now, amount = 0, operation = operation, metadata = metadata,
    actor = actor, key = key, request = request })
write_all(due)
return keep_answer(KEYS[4], request, keep, { 'done', id, account.balance, now })
