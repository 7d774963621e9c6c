-- Deducts: each item for itself, in their order; what one is refused, the next may have.
--
-- KEYS: journal, due; of each item: account, idempotency key
-- ARGV: now, how long answers are kept (ms); of each item: customer, id, amount, operation, metadata, actor, key, request
-- Returns of each item: {done | replayed, id, balance, at}, {insufficient, balance}, {reused} or {no_account}
local journal, due, now, keep = KEYS[1], KEYS[2], tonumber(ARGV[1]), ARGV[2]

local function deduct(account_key, kept_at, customer, id, amount, operation, metadata, actor, key, request)
  local kept = kept_answer(kept_at, request)
  if kept then
    return kept
  end
  local account = open(journal, customer, account_key, now)
  if not account then
    return { 'no_account' }
  end
  local parts = {}
  if not account.unlimited then
    if account.balance < amount then
      return { 'insufficient', account.balance }
    end
    parts = take(account, amount)
  end
  append(journal, account,
    { type = 'deduct', id = id, customer = customer, at = now, amount = amount, operation = operation,
      metadata = metadata, actor = actor, key = key, request = request },
    flat(parts, -1), flat(parts, 1))
  return keep_answer(kept_at, request, keep, { 'done', id, account.balance, now })
end

local answers = {}
for item = 0, (#KEYS - 2) / 2 - 1 do
  local first = 3 + item * 8
  answers[item + 1] = deduct(KEYS[3 + item * 2], KEYS[4 + item * 2], ARGV[first], ARGV[first + 1],
    tonumber(ARGV[first + 2]), ARGV[first + 3], ARGV[first + 4], ARGV[first + 5], ARGV[first + 6],
    ARGV[first + 7])
end
write_all(due)
return answers
