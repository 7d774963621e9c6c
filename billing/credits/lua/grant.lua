-- Grants credits; a debt is paid from them first.
--
-- KEYS: journal, due, account, idempotency key
-- ARGV: now, how long the answer is kept (ms), customer, id, amount, operation, metadata, actor, key, request,
--       grant, kind, priority, expires (0: never), most that the account may have then (0: no limit), reference,
--       origin (empty: a new grant)
-- Returns {done | replayed, id, balance, at, grant}, {exceeds, balance}, {reused} or {no_account}
local journal, due, now, keep = KEYS[1], KEYS[2], tonumber(ARGV[1]), ARGV[2]
local customer, id, amount, operation, metadata = ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6], ARGV[7]
local actor, key, request, grant, kind = ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12]
local priority, expires, most, reference = tonumber(ARGV[13]), tonumber(ARGV[14]), tonumber(ARGV[15]), ARGV[16]
local origin = ARGV[17] ~= '' and ARGV[17] or nil

local kept = kept_answer(KEYS[4], request)
if kept then
  return kept
end
local account = open(journal, customer, KEYS[3], now)
if not account then
  return { 'no_account' }
end
if most ~= 0 and account.balance + account.held + amount > most then
  write_all(due)
  return { 'exceeds', account.balance }
end
local paid = math.min(account.debt, amount)
account.debt = account.debt - paid
if paid < amount then
  add(account, { grant, amount - paid, expires, priority, now, kind, origin })
end
local answer = { 'done', id, account.balance, now, grant }
append(journal, account,
  { type = 'grant', id = id, customer = customer, at = now, amount = amount, operation = operation, metadata = metadata,
    actor = actor, key = key, request = request, answer = answer, reference = reference, debt_paid = paid,
    grant = { id = grant, kind = kind, priority = priority, expires = expires, origin = origin } },
  flat({ { grant, amount - paid } }, 1))
write_all(due)
return keep_answer(KEYS[4], request, keep, answer)
