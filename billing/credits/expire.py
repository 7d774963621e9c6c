"""Process: end the grants and holds that are due, of customers who do nothing with their credits."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from billing.credits.journal import milliseconds
from billing.credits.nodes import Node
from billing.credits.scripts import Script
from billing.credits.shards import Shard
from billing.hints import Hint
from billing.runtime import Runtime

_TOGETHER_MAX = 100
_ROUNDS_MAX = 100


def expire_due(runtime: Runtime, *, now: Callable[[], datetime]) -> int:
    """Return of how many accounts something ended. Raises CreditsUnavailable."""
    ended = sum(runtime.credits.ask_each(lambda node: _expire_on(runtime, node, now=now)).answers)
    if ended:
        runtime.send_hint(Hint.CREDITS)
    return ended


def _expire_on(runtime: Runtime, node: Node, *, now: Callable[[], datetime]) -> int:
    ended = 0
    for shard in node.shards:
        for _ in range(_ROUNDS_MAX):
            count = _expire_some(runtime, node, shard, at=milliseconds(now()))
            ended += count
            if count < _TOGETHER_MAX:
                break
    return ended


def _expire_some(runtime: Runtime, node: Node, shard: Shard, *, at: int) -> int:
    due = node.client.zrangebyscore(shard.due, 0, at, start=0, num=_TOGETHER_MAX)
    customers = [UUID(str(customer)) for customer in due]
    if customers:
        keys = [shard.journal, shard.due, *(shard.account(customer) for customer in customers)]
        runtime.credits.run(Script.CATCH_UP, keys, [at, *map(str, customers)])
    return len(customers)
