-- Takes a transfer in, once: each part keeps its expiry and priority. A refusal is kept as the answer, too: whoever asks again
-- hears the same, so that nobody gives back what somebody else brings.
--
-- KEYS: journal, due, account, the transfer's key
-- ARGV: now, how long the answer is kept (ms), customer, id, amount, actor, key, transfer, sender,
--       most that the account may have then, parts as JSON, then the id of a grant for each part
-- Returns {done | replayed, id, balance, at}, {replayed, exceeds}, {exceeds} or {no_account}
local journal, due, now, keep = KEYS[1], KEYS[2], tonumber(ARGV[1]), ARGV[2]
local customer, id, amount, actor, key = ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6], ARGV[7]
local transfer, sender, most, parts = ARGV[8], ARGV[9], tonumber(ARGV[10]), cjson.decode(ARGV[11])

local kept = kept_answer(KEYS[4], transfer)
if kept then
  return kept
end
local account = open(journal, customer, KEYS[3], now)
if not account then
  return { 'no_account' }
end
if account.balance + account.held + amount > most then
  write_all(due)
  return keep_answer(KEYS[4], transfer, keep, { 'exceeds', 'exceeds' })
end
local debt = math.min(account.debt, amount)
account.debt = account.debt - debt
local grants, received, paid = {}, {}, debt
for place, part in ipairs(parts) do
  local used = math.min(paid, part[LEFT])
  paid = paid - used
  local origin = part[ORIGIN] or part[ID]
  local grant = { ARGV[11 + place], part[LEFT] - used, part[EXPIRES], part[PRIORITY], now, 'transfer', origin }
  if grant[LEFT] > 0 then
    add(account, grant)
  end
  grants[place] = { id = grant[ID], kind = 'transfer', amount = part[LEFT], priority = part[PRIORITY],
    expires = part[EXPIRES], origin = origin }
  received[place] = { grant[ID], part[LEFT] - used }
end
local answer = { 'done', id, account.balance, now }
append(journal, account,
  { type = 'transfer_in', id = id, customer = customer, at = now, amount = amount, actor = actor, key = key,
    request = transfer, reference = transfer, counterpart = sender, debt_paid = debt, grants = grants },
  flat(received, 1))
catch_up(journal, customer, account, now)
write_all(due)
return keep_answer(KEYS[4], transfer, keep, answer)
