"""Process: how far Postgres is behind the journals."""

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from billing.credits.expected import read_positions
from billing.credits.journal import Position, milliseconds
from billing.credits.nodes import Node
from billing.runtime import Runtime


class Lag(NamedTuple):
    """How many entries are not drained (about: some may be, and not trimmed yet), and how old the oldest of them is.

    Of `shards_away` nobody can say it: their node does not answer.
    """

    entries: int
    seconds: float
    shards_away: int = 0


class _Behind(NamedTuple):
    """What one journal holds behind the position in Postgres."""

    oldest: Position
    entries: int


def read_lag(runtime: Runtime, *, now: datetime) -> Lag:
    """Return the lag at `now`. Raises CreditsUnavailable, DatabaseUnavailable."""
    with runtime.transaction() as session:
        positions = read_positions(session)

    def look(node: Node) -> list[_Behind]:
        with node.client.pipeline(transaction=False) as pipeline:
            for shard in node.shards:
                pipeline.xrange(shard.journal, min=f"({positions[shard.number]}", count=1)
                pipeline.xlen(shard.journal)
            return list(_behind(pipeline.execute()))

    found = runtime.credits.ask_each(look)
    behind = list(chain.from_iterable(found.answers))
    if not behind:
        return Lag(0, 0.0, len(found.away))
    age = milliseconds(now) - min(journal.oldest.milliseconds for journal in behind)
    return Lag(sum(journal.entries for journal in behind), max(0, age) / 1_000, len(found.away))


def _behind(answers: list[Any]) -> Iterator[_Behind]:
    for first, length in zip(answers[::2], answers[1::2], strict=True):
        if first:
            yield _Behind(Position.parse(first[0][0]), length)
