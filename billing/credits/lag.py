"""Process: how far Postgres is behind the journals."""

from typing import Any, NamedTuple

import redis

from billing.credits.expected import read_positions
from billing.credits.journal import Position
from billing.credits.server import CreditsUnavailable
from billing.credits.shards import ALL_SHARDS
from billing.runtime import Runtime


class Lag(NamedTuple):
    """How many entries are not drained (about: some may be, and not trimmed yet), and how old the oldest of them is."""

    entries: int
    seconds: float


def read_lag(runtime: Runtime) -> Lag:
    """Return the lag by the server's own clock. Raises CreditsUnavailable, DatabaseUnavailable."""
    with runtime.transaction() as session:
        positions = read_positions(session)
    try:
        with runtime.credits.redis.pipeline(transaction=False) as pipeline:
            pipeline.time()
            for shard in ALL_SHARDS:
                pipeline.xrange(shard.journal, min=f"({positions[shard.number]}", count=1)
                pipeline.xlen(shard.journal)
            (seconds, microseconds), *looked = pipeline.execute()
    except redis.RedisError as error:
        raise CreditsUnavailable("the credits server does not answer") from error
    now = seconds * 1_000 + microseconds // 1_000
    behind = [(_first(found), length) for found, length in zip(looked[::2], looked[1::2], strict=True) if found]
    if not behind:
        return Lag(0, 0.0)
    oldest = min(first.milliseconds for first, _ in behind)
    return Lag(sum(length for _, length in behind), max(0, now - oldest) / 1_000)


def _first(found: list[tuple[str, Any]]) -> Position:
    return Position.parse(found[0][0])
