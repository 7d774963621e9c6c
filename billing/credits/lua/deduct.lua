-- Deducts: each item for itself, in their order; what one is refused, the next may have.
--
-- KEYS: journal, due, the accounts, then of each item the idempotency key
-- ARGV: now, how long answers are kept (ms), how many accounts there are, their customers, then of each item `<place of its account> <id> <amount> <request>
--       <entry>`, where the entry is the JSON of what the journal shall say of it, without the closing brace
-- Returns of each item: the balance when it was done, else {replayed, id, balance, at}, {insufficient, balance}, {reused} or
-- {no_account}
local ITEM = '^(%d+) (%S+) (%d+) (%S+) (.+)$'
local journal, due, now, keep = KEYS[1], KEYS[2], tonumber(ARGV[1]), ARGV[2]
-- Behind the first two, keys and arguments have one each of an account, and then one each of an item.
local accounts_count = tonumber(ARGV[3])

local function deduct(kept_at, item)
  local place, id, amount, request, entry = string.match(item, ITEM)
  local kept = kept_answer(kept_at, request)
  if kept then
    return kept
  end
  local account = open(journal, ARGV[3 + place], KEYS[2 + place], now)
  if not account then
    return { 'no_account' }
  end
  amount = tonumber(amount)
  local changes = ''
  if not account.unlimited then
    if account.balance < amount then
      return { 'insufficient', account.balance }
    end
    take_each(account, amount, function(grant, taken)
      changes = string.format('%s%s"%s",%d', changes, changes == '' and '' or ',', grant[ID], -taken)
    end)
  end
  append_text(journal, account, entry, changes)
  keep_answer(kept_at, request, keep, { 'done', id, account.balance, now })
  return account.balance
end

local answers = {}
for item = 1, #KEYS - 2 - accounts_count do
  answers[item] = deduct(KEYS[2 + accounts_count + item], ARGV[3 + accounts_count + item])
end
write_all(due)
return answers
