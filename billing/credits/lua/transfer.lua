-- Begins a transfer: what is sent is held, and the transfer is under way until `end_transfer`.
--
-- KEYS: journal, due, account, idempotency key, transfers under way
-- ARGV: now, how long the answer is kept (ms), customer, id, amount, operation, metadata, actor, key, request,
--       transfer, receiver
-- Returns {done | replayed, id, balance, at, transfer, parts as JSON}, {insufficient, balance}, {reused} or {no_account}
local journal, due, now, keep = KEYS[1], KEYS[2], tonumber(ARGV[1]), ARGV[2]
local customer, id, amount, operation, metadata = ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6], ARGV[7]
local actor, key, request, transfer, receiver = ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12]

local kept = kept_answer(KEYS[4], request)
if kept then
  return kept
end
local account = open(journal, customer, KEYS[3], now)
if not account then
  return { 'no_account' }
end
if account.balance < amount then
  write_all(due)
  return { 'insufficient', account.balance }
end
local parts = take(account, amount)
account.held = account.held + amount
account.holds[#account.holds + 1] = { transfer, amount, 0, parts, operation, metadata }
local sent = cjson.encode(parts)
local answer = { 'done', id, account.balance, now, transfer, sent }
append(journal, account,
  { type = 'transfer_hold', id = id, customer = customer, at = now, amount = amount, operation = operation,
    metadata = metadata, actor = actor, key = key, request = request, answer = answer, reference = transfer,
    counterpart = receiver },
  flat(parts, -1))
redis.call('HSET', KEYS[5], transfer,
  cjson.encode({ sender = customer, receiver = receiver, amount = amount, parts = sent, at = now, actor = actor,
    clock = account.clock }))
write_all(due)
return keep_answer(KEYS[4], request, keep, answer)
