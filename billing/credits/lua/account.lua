-- What every script of the credits begins with: one customer's account, brought up to a time, changed, and written back.
--
-- An account is a hash:
--   seq        how many entries its journal has had
--   balance    what can be spent: all that its grants have left
--   held       what its holds reserve; no longer in `balance`
--   debt       what was taken back after it had been spent, or used without being there; the next grant pays it first
--   unlimited  1: deductions are counted, and never refused
--   due        when a grant or a hold ends next, in ms since 1970; 0: none does
--   grants     in the order in which they are spent, each {id, left, expires, priority, created, kind, origin}; expires 0: never;
--              origin: the grant that it was a part of, before it was sent on or taken back; not there for a new one
--   holds      each {id, amount, expires, parts, operation, metadata}; a part is a grant of which the hold has `left`
--
-- An account whose key has `:clock:` in it is that of a customer on a test clock; `now` is then the time of the clock.
-- Times are arguments: no script reads a clock. Every change is an entry of the shard's journal, appended by the same script.

local ID, LEFT, EXPIRES, PRIORITY, CREATED, KIND, ORIGIN = 1, 2, 3, 4, 5, 6, 7
local HOLD_AMOUNT, HOLD_EXPIRES, PARTS, OPERATION, METADATA = 2, 3, 4, 5, 6

-- Accounts ---------------------------------------------------------------------------------------------------------------

local accounts, as_read = {}, {}
local FIELDS = { 'seq', 'balance', 'held', 'debt', 'unlimited', 'due', 'grants', 'holds' }

local function load(key)
  local read = redis.call('HMGET', key, unpack(FIELDS))
  if not read[1] then
    return nil
  end
  as_read[key] = read
  return {
    seq = tonumber(read[1]),
    balance = tonumber(read[2]),
    held = tonumber(read[3]),
    debt = tonumber(read[4]),
    unlimited = read[5] == '1',
    due = tonumber(read[6]),
    grants = cmsgpack.unpack(read[7]),
    holds = cmsgpack.unpack(read[8]),
  }
end

local function next_due(account)
  local due = 0
  -- Grants that end stand first, the soonest of them at the top.
  if account.grants[1] then
    due = account.grants[1][EXPIRES]
  end
  for _, hold in ipairs(account.holds) do
    local ends = hold[HOLD_EXPIRES]
    if ends ~= 0 and (due == 0 or ends < due) then
      due = ends
    end
  end
  return due
end

-- Writes what has changed: each field less is as much less for the append-only file.
local function write(key, due_key, customer, account)
  local due, read, changed = next_due(account), as_read[key] or {}, {}
  local fields = { account.seq, account.balance, account.held, account.debt, account.unlimited and '1' or '0', due,
    cmsgpack.pack(account.grants), cmsgpack.pack(account.holds) }
  for place, value in ipairs(fields) do
    if tostring(value) ~= read[place] then
      changed[#changed + 1] = FIELDS[place]
      changed[#changed + 1] = value
    end
  end
  if #changed > 0 then
    redis.call('HSET', key, unpack(changed))
  end
  if due ~= account.due then
    if due == 0 then
      redis.call('ZREM', due_key, customer)
    else
      redis.call('ZADD', due_key, due, customer)
    end
  end
end

-- The journal ------------------------------------------------------------------------------------------------------------

-- Appends an entry, of which `head` is the JSON without the closing brace. `changes` says what the entry does to what grants
-- have left, `paid` which grants pay for what is used, where these are not the same; both are flat: grant, amount, grant, amount, …
-- A script that only looks has no journal.
local ENTRY = '%s,"seq":%d,"balance":%d,"held":%d,"debt":%d,"unlimited":%s,"changes":[%s],"paid":[%s]}'

local function append_text(journal, account, head, changes, paid)
  account.seq = account.seq + 1
  if journal then
    redis.call('XADD', journal, '*', 'e', string.format(ENTRY, head, account.seq, account.balance, account.held,
      account.debt, tostring(account.unlimited), changes or '', paid or ''))
  end
end

local function append(journal, account, entry, changes, paid)
  append_text(journal, account, string.sub(cjson.encode(entry), 1, -2), changes, paid)
end

local function flat(parts, sign)
  local list = {}
  for place, part in ipairs(parts) do
    list[place] = string.format('"%s",%d', part[ID], sign * part[LEFT])
  end
  return table.concat(list, ',')
end

-- Grants -----------------------------------------------------------------------------------------------------------------

local function part_of(grant, amount)
  return { grant[ID], amount, grant[EXPIRES], grant[PRIORITY], grant[CREATED], grant[KIND], grant[ORIGIN] }
end

-- Soonest expiry first, then the lower priority number, then age; the id only decides between twins.
local function spent_before(one, other)
  local ends, others = one[EXPIRES], other[EXPIRES]
  if ends ~= others then
    return others == 0 or (ends ~= 0 and ends < others)
  elseif one[PRIORITY] ~= other[PRIORITY] then
    return one[PRIORITY] < other[PRIORITY]
  elseif one[CREATED] ~= other[CREATED] then
    return one[CREATED] < other[CREATED]
  end
  return one[ID] < other[ID]
end

-- Adds what a grant brings: a new one, or a part that comes back to where it was taken.
local function add(account, part)
  account.balance = account.balance + part[LEFT]
  local place = 1
  while account.grants[place] and spent_before(account.grants[place], part) do
    place = place + 1
  end
  local there = account.grants[place]
  if there and there[ID] == part[ID] then
    there[LEFT] = there[LEFT] + part[LEFT]
  else
    table.insert(account.grants, place, part_of(part, part[LEFT]))
  end
end

-- Takes `amount`, which is there, from the grants in their order; `visit` hears of each grant and how much was taken of it.
local function take_each(account, amount, visit)
  local missing = amount
  while missing > 0 do
    local grant = account.grants[1]
    local taken = math.min(missing, grant[LEFT])
    visit(grant, taken)
    grant[LEFT] = grant[LEFT] - taken
    missing = missing - taken
    if grant[LEFT] == 0 then
      table.remove(account.grants, 1)
    end
  end
  account.balance = account.balance - amount
end

-- Takes `amount`, which is there, and returns the parts.
local function take(account, amount)
  local parts = {}
  take_each(account, amount, function(grant, taken)
    parts[#parts + 1] = part_of(grant, taken)
  end)
  return parts
end

-- Takes up to `amount` of one grant, and returns how much there was.
local function take_of(account, id, amount)
  for place, grant in ipairs(account.grants) do
    if grant[ID] == id then
      local taken = math.min(amount, grant[LEFT])
      grant[LEFT] = grant[LEFT] - taken
      if grant[LEFT] == 0 then
        table.remove(account.grants, place)
      end
      account.balance = account.balance - taken
      return taken
    end
  end
  return 0
end

-- Holds ------------------------------------------------------------------------------------------------------------------

local function find_hold(account, id)
  for place, hold in ipairs(account.holds) do
    if hold[ID] == id then
      return hold, place
    end
  end
end

local function give_back(account, parts)
  for _, part in ipairs(parts) do
    add(account, part)
  end
end

-- Ends a hold of which `used` is taken for good: the first parts. The others come back. Returns both.
local function end_hold(account, place, used)
  local hold = table.remove(account.holds, place)
  local paid, returned = {}, {}
  for _, part in ipairs(hold[PARTS]) do
    local taken = math.min(used, part[LEFT])
    used = used - taken
    if taken > 0 then
      paid[#paid + 1] = part_of(part, taken)
    end
    if taken < part[LEFT] then
      returned[#returned + 1] = part_of(part, part[LEFT] - taken)
    end
  end
  account.held = account.held - hold[HOLD_AMOUNT]
  give_back(account, returned)
  return paid, returned
end

-- Time -------------------------------------------------------------------------------------------------------------------

-- Ends what was due by `now`, each at its own time, in the order in which it was due.
local function catch_up(journal, customer, account, now)
  local at = next_due(account)
  while at ~= 0 and at <= now do
    for place = #account.holds, 1, -1 do
      local hold = account.holds[place]
      if hold[HOLD_EXPIRES] ~= 0 and hold[HOLD_EXPIRES] <= at then
        local _, returned = end_hold(account, place, 0)
        append(journal, account,
          { type = 'hold_expired', customer = customer, at = at, amount = hold[HOLD_AMOUNT], operation = hold[OPERATION],
            metadata = hold[METADATA], reference = hold[ID], clock = account.clock },
          flat(returned, 1))
      end
    end
    while account.grants[1] and account.grants[1][EXPIRES] ~= 0 and account.grants[1][EXPIRES] <= at do
      local grant = table.remove(account.grants, 1)
      account.balance = account.balance - grant[LEFT]
      append(journal, account,
        { type = 'grant_expired', customer = customer, at = at, amount = grant[LEFT], reference = grant[ID],
          clock = account.clock },
        flat({ grant }, -1))
    end
    at = next_due(account)
  end
end

-- Returns the account as it is at `now`, nil when there is none. One that is asked for twice is loaded once.
local function open(journal, customer, key, now)
  local account = accounts[key]
  if not account then
    account = load(key)
    if account then
      accounts[key] = account
      account.customer = customer
      account.clock = string.find(key, ':clock:', 1, true) and true or nil
      catch_up(journal, customer, account, now)
    end
  end
  return account
end

local function write_all(due_key)
  for key, account in pairs(accounts) do
    write(key, due_key, account.customer, account)
  end
end

-- Idempotency keys -------------------------------------------------------------------------------------------------------

-- An answer is kept under the key that asked for it, behind what the request looked like. The journal's entry says both, and the
-- answer where it is not {done, id, balance, at} of the entry, so that a server that lost its memory can be told again.

-- Returns the answer that was kept under a key, `reused` when it was for another request, nil when there is none.
local function kept_answer(key, request)
  local kept = redis.call('GET', key)
  if not kept then
    return nil
  end
  local answer = cmsgpack.unpack(kept)
  if table.remove(answer, 1) ~= request then
    return { 'reused' }
  end
  answer[1] = 'replayed'
  return answer
end

local function keep_answer(key, request, milliseconds, answer)
  redis.call('SET', key, cmsgpack.pack({ request, unpack(answer) }), 'PX', milliseconds)
  return answer
end

-- Keeps answers that were given before the server lost its memory: the keys from `key` on, and of each, from the argument
-- `argument` on, request, answer as JSON, and how long it is kept.
local function keep_answers(key, argument)
  for place = key, #KEYS do
    keep_answer(KEYS[place], ARGV[argument], ARGV[argument + 2], cjson.decode(ARGV[argument + 1]))
    argument = argument + 3
  end
end
