-- Takes back what a grant has left, up to an amount; what is spent or held of it becomes a debt.
--
-- KEYS: journal, due, account, idempotency key
-- ARGV: now, how long the answer is kept (ms), customer, id, amount, operation, metadata, actor, key, request, grant
-- Returns {done | replayed, id, balance, at, amount taken, amount owed}, {reused} or {no_account}
local journal, due, now, keep = KEYS[1], KEYS[2], tonumber(ARGV[1]), ARGV[2]
local customer, id, amount, operation, metadata = ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6], ARGV[7]
local actor, key, request, grant = ARGV[8], ARGV[9], ARGV[10], ARGV[11]

local kept = kept_answer(KEYS[4], request)
if kept then
  return kept
end
local account = open(journal, customer, KEYS[3], now)
if not account then
  return { 'no_account' }
end
local taken = take_of(account, grant, amount)
local owed = amount - taken
account.debt = account.debt + owed
local answer = { 'done', id, account.balance, now, taken, owed }
append(journal, account,
  { type = 'revoke', id = id, customer = customer, at = now, amount = amount, operation = operation, metadata = metadata,
    actor = actor, key = key, request = request, answer = answer, reference = grant, owed = owed },
  flat({ { grant, taken } }, -1))
write_all(due)
return keep_answer(KEYS[4], request, keep, answer)
