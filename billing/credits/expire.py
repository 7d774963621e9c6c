"""Process: end the grants and holds that are due, of customers who do nothing with their credits.

Those of customers on test clocks are not among what is due in real time: the advance of their clock names them.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from uuid import UUID

from billing.credits.accounts import open_account
from billing.credits.drain import drain_to_the_end
from billing.credits.journal import milliseconds
from billing.credits.nodes import Node
from billing.credits.places import Place
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


def expire_on_clock(runtime: Runtime, customers: Collection[UUID], *, now: datetime) -> None:
    """End what is due by `now`, the time of their test clock, of some customers; Postgres knows it when this returns.

    Raises CreditsUnavailable, DatabaseUnavailable.
    """
    by_shard: dict[Shard, list[Place]] = defaultdict(list)
    for customer_id in customers:
        place = Place.of(customer_id, on_clock=True, now=now)
        by_shard[place.shard].append(place)
    for places in by_shard.values():
        for start in range(0, len(places), _TOGETHER_MAX):
            missing = _catch_up(runtime, places[start : start + _TOGETHER_MAX])
            for customer_id in missing:
                open_account(runtime, customer_id, now=now, hidden_too=True)
            if missing:
                _catch_up(runtime, [place for place in places if place.customer_id in missing])
    drain_to_the_end(runtime, now=lambda: now, shards=list(by_shard))


def _expire_on(runtime: Runtime, node: Node, *, now: Callable[[], datetime]) -> int:
    ended = 0
    for shard in node.shards:
        for _ in range(_ROUNDS_MAX):
            count = _expire_some(runtime, node, shard, now=now())
            ended += count
            if count < _TOGETHER_MAX:
                break
    return ended


def _expire_some(runtime: Runtime, node: Node, shard: Shard, *, now: datetime) -> int:
    due = node.client.zrangebyscore(shard.due, 0, milliseconds(now), start=0, num=_TOGETHER_MAX)
    places = [Place.of(UUID(str(customer)), on_clock=False, now=now) for customer in due]
    if places:
        _catch_up(runtime, places)
    return len(places)


def _catch_up(runtime: Runtime, places: Sequence[Place]) -> set[UUID]:
    """End what is due of accounts of one shard and time; return those that the server does not have."""
    first = places[0]
    keys = [first.shard.journal, first.due, *(place.account for place in places)]
    customers = [str(place.customer_id) for place in places]
    missing = runtime.credits.run(Script.CATCH_UP, keys, [milliseconds(first.now), *customers])
    return {UUID(customer) for customer in missing}
