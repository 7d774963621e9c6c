-- Reserves credits until a time.
--
-- KEYS: journal, due, account, idempotency key, the hold's owner
-- ARGV: now, how long the answer is kept (ms), customer, id, amount, operation, metadata, actor, key, request,
--       hold, expires, how long the owner is kept (ms)
-- Returns {done | replayed, id, balance, at, hold, amount, expires}, {insufficient, balance}, {too_many, count}, {reused} or {no_account}
local HOLDS_MAX = 1000
local journal, due, now, keep = KEYS[1], KEYS[2], tonumber(ARGV[1]), ARGV[2]
local customer, id, amount, operation, metadata = ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6], ARGV[7]
local actor, key, request, hold, expires, owned = ARGV[8], ARGV[9], ARGV[10], ARGV[11], tonumber(ARGV[12]), ARGV[13]

local kept = kept_answer(KEYS[4], request)
if kept then
  return kept
end
local account = open(journal, customer, KEYS[3], now)
if not account then
  return { 'no_account' }
end
local refused
if #account.holds >= HOLDS_MAX then
  refused = { 'too_many', #account.holds }
elseif not account.unlimited and account.balance < amount then
  refused = { 'insufficient', account.balance }
end
if refused then
  write_all(due)
  return refused
end
local parts = account.unlimited and {} or take(account, amount)
account.held = account.held + amount
account.holds[#account.holds + 1] = { hold, amount, expires, parts, operation, metadata }
local answer = { 'done', id, account.balance, now, hold, amount, expires }
append(journal, account,
  { type = 'hold', id = id, customer = customer, at = now, amount = amount, operation = operation, metadata = metadata,
    actor = actor, key = key, request = request, answer = answer, reference = hold, expires = expires },
  flat(parts, -1))
redis.call('SET', KEYS[5], customer, 'PX', owned)
write_all(due)
return keep_answer(KEYS[4], request, keep, answer)
