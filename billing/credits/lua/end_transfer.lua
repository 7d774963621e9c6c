-- Ends a transfer: what was held is gone when the receiver has it, and comes back when it was refused.
--
-- KEYS: journal, due, account, transfers under way
-- ARGV: now, customer, id, transfer, received (1) or refused (0)
-- Returns {done, id, balance, at}, {ended} when somebody else has ended it, or {no_account}
local journal, due, now, customer = KEYS[1], KEYS[2], tonumber(ARGV[1]), ARGV[2]
local id, transfer, received = ARGV[3], ARGV[4], ARGV[5] == '1'

local account = open(journal, customer, KEYS[3], now)
if not account then
  return { 'no_account' }
end
local hold, place = find_hold(account, transfer)
local answer = { 'ended' }
if hold then
  local _, returned = end_hold(account, place, received and hold[HOLD_AMOUNT] or 0)
  append(journal, account,
    { type = received and 'transfer_out' or 'transfer_refused', id = id, customer = customer, at = now,
      amount = hold[HOLD_AMOUNT], operation = hold[OPERATION], metadata = hold[METADATA], reference = transfer },
    flat(returned, 1))
  catch_up(journal, customer, account, now)
  answer = { 'done', id, account.balance, now }
end
redis.call('HDEL', KEYS[4], transfer)
write_all(due)
return answer
