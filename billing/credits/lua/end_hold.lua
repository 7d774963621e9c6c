-- Ends a hold: takes part or all of it, and gives the rest back.
--
-- KEYS: journal, due, account, idempotency key
-- ARGV: now, how long the answer is kept (ms), customer, id, amount (empty: all; 0: none, the hold is released),
--       actor, key, request, hold
-- Returns {done | replayed, id, balance, at, amount used, amount returned}, {exceeds, amount held}, {no_hold}, {reused} or {no_account}
local journal, due, now, keep = KEYS[1], KEYS[2], tonumber(ARGV[1]), ARGV[2]
local customer, id = ARGV[3], ARGV[4]
local actor, key, request, hold_id = ARGV[6], ARGV[7], ARGV[8], ARGV[9]

local kept = kept_answer(KEYS[4], request)
if kept then
  return kept
end
local account = open(journal, customer, KEYS[3], now)
if not account then
  return { 'no_account' }
end
local hold, place = find_hold(account, hold_id)
if not hold then
  write_all(due)
  return { 'no_hold' }
end
local held = hold[HOLD_AMOUNT]
local used = ARGV[5] == '' and held or tonumber(ARGV[5])
if used > held then
  write_all(due)
  return { 'exceeds', held }
end
local paid, returned = end_hold(account, place, used)
-- What comes back to a grant that has ended meanwhile ends at once; the answer knows it already.
local late = 0
for _, part in ipairs(returned) do
  if part[EXPIRES] ~= 0 and part[EXPIRES] <= now then
    late = late + part[LEFT]
  end
end
local answer = { 'done', id, account.balance - late, now, used, held - used }
append(journal, account,
  { type = used > 0 and 'capture' or 'release', id = id, customer = customer, at = now, amount = used > 0 and used or held,
    operation = hold[OPERATION], metadata = hold[METADATA], actor = actor, key = key, request = request, answer = answer,
    reference = hold_id, returned = held - used },
  flat(returned, 1), flat(paid, 1))
catch_up(journal, customer, account, now)
write_all(due)
return keep_answer(KEYS[4], request, keep, answer)
