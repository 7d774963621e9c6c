"""Process: how far Postgres is behind the journals."""

from datetime import datetime
from typing import Any, NamedTuple

import redis

from billing.credits.expected import read_positions
from billing.credits.journal import Position, milliseconds
from billing.credits.server import CreditsUnavailable
from billing.runtime import Runtime


class Lag(NamedTuple):
    """How many entries are not drained (about: some may be, and not trimmed yet), and how old the oldest of them is."""

    entries: int
    seconds: float


def read_lag(runtime: Runtime, *, now: datetime) -> Lag:
    """Return the lag at `now`. Raises CreditsUnavailable, DatabaseUnavailable."""
    with runtime.transaction() as session:
        positions = read_positions(session)
    looked: list[Any] = []
    try:
        for node in runtime.credits.nodes.all():
            with node.client.pipeline(transaction=False) as pipeline:
                for shard in node.shards:
                    pipeline.xrange(shard.journal, min=f"({positions[shard.number]}", count=1)
                    pipeline.xlen(shard.journal)
                looked += pipeline.execute()
    except redis.RedisError as error:
        raise CreditsUnavailable("the credits server does not answer") from error
    behind = [(_first(found), length) for found, length in zip(looked[::2], looked[1::2], strict=True) if found]
    if not behind:
        return Lag(0, 0.0)
    oldest = min(first.milliseconds for first, _ in behind)
    return Lag(sum(length for _, length in behind), max(0, milliseconds(now) - oldest) / 1_000)


def _first(found: list[tuple[str, Any]]) -> Position:
    return Position.parse(found[0][0])
