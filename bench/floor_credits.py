"""The floor of the credits: one script that knows a key again, looks at a balance, takes from it, and appends to a journal.

It has no grants, no expiry, no holds, and keeps no answer: what is left when a deduction is only arithmetic.
"""

import redis

SCRIPT = """
if not redis.call('SET', KEYS[2], '1', 'NX', 'PX', 86400000) then
  return { 'replayed', redis.call('GET', KEYS[1]) }
end
local amount = tonumber(ARGV[1])
if tonumber(redis.call('GET', KEYS[1])) < amount then
  return { 'insufficient' }
end
local balance = redis.call('DECRBY', KEYS[1], amount)
redis.call('XADD', KEYS[3], '*', 'customer', ARGV[2], 'id', ARGV[3], 'amount', amount, 'operation', ARGV[4], 'at', ARGV[5])
return { 'done', balance }
"""
BATCH = """
local answers = {}
for item = 1, #ARGV / 2 do
  local key, account = ARGV[item * 2 - 1], ARGV[item * 2]
  if redis.call('SET', key, '1', 'NX', 'PX', 86400000) then
    local balance = redis.call('DECRBY', account, 1)
    redis.call('XADD', KEYS[1], '*', 'account', account, 'key', key, 'amount', 1, 'operation', 'ai.generate', 'at', item)
    answers[item] = balance
  end
end
return answers
"""
BALANCE = 10**12


def keys(customer: str, key: str) -> list[str]:
    """Return the keys of one deduction: balance, idempotency key, journal."""
    return [f"floor:balance:{customer}", f"floor:key:{customer}:{key}", "floor:journal"]


def open_accounts(server: redis.Redis, customers: list[str]) -> None:
    """Give each customer a balance that lasts."""
    with server.pipeline(transaction=False) as pipeline:
        for customer in customers:
            pipeline.set(f"floor:balance:{customer}", BALANCE)
        pipeline.execute()
