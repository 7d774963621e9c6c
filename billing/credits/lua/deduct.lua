-- Deducts: each item for itself, in their order; what one is refused, the next may have.
--
-- KEYS: journal, due, the accounts, then of each item the idempotency key
-- ARGV: now, how long answers are kept (ms), whether what is not there becomes a debt (1) or is refused (0), how many accounts
--       there are, their customers, then of each item `<place of its account> <id> <amount> <request> <entry>`, where the entry is
--       the JSON of what the journal shall say of it, without the closing brace
-- Returns of each item: the balance when it was done, else {replayed, id, balance, at}, {insufficient, balance}, {reused} or
-- {no_account}
local ITEM = '^(%d+) (%S+) (%d+) (%S+) (.+)$'
local DEBT_MAX = 1e12 -- far past any use, and far below what a number here holds exactly
local journal, due, now, keep, owing = KEYS[1], KEYS[2], tonumber(ARGV[1]), ARGV[2], ARGV[3] == '1'
-- Behind the first ones, keys and arguments have one each of an account, and then one each of an item.
local accounts_count = tonumber(ARGV[4])

local function deduct(kept_at, item)
  local place, id, amount, request, entry = string.match(item, ITEM)
  local kept = kept_answer(kept_at, request)
  if kept then
    return kept
  end
  local account = open(journal, ARGV[4 + place], KEYS[2 + place], now)
  if not account then
    return { 'no_account' }
  end
  amount = tonumber(amount)
  local changes, owed = '', 0
  if not account.unlimited then
    if account.balance < amount then
      owed = amount - account.balance
      if not owing or account.debt + owed > DEBT_MAX then
        return { 'insufficient', account.balance }
      end
      account.debt = account.debt + owed
      entry = string.format('%s,"owed":%d', entry, owed)
    end
    take_each(account, amount - owed, function(grant, taken)
      changes = string.format('%s%s"%s",%d', changes, changes == '' and '' or ',', grant[ID], -taken)
    end)
  end
  append_text(journal, account, entry, changes)
  keep_answer(kept_at, request, keep, { 'done', id, account.balance, now })
  return account.balance
end

local answers = {}
for item = 1, #KEYS - 2 - accounts_count do
  answers[item] = deduct(KEYS[2 + accounts_count + item], ARGV[4 + accounts_count + item])
end
write_all(due)
return answers
