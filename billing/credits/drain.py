"""Process: bring the journal into Postgres.

Each shard's entries are read behind the last one that Postgres has, written together with how far they go, and trimmed after the
commit. Whoever dies between the two leaves entries in the stream that are behind the position, and never read again. Two who
drain the same shard read the same entries; the second finds, under the row's lock, that the position has moved, and leaves them.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import chain
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.bulk import insert_rows
from billing.credits.expected import read_positions
from billing.credits.journal import START, Entry, Position, read_entry
from billing.credits.nodes import Node
from billing.credits.rows import write_entries
from billing.credits.server import Asked, CreditsUnavailable
from billing.credits.shards import ALL_SHARDS, Shard
from billing.fail_points import fail_point
from billing.runtime import Runtime
from models.credits import CreditJournal

# How many of one shard are read at once; how many entries one transaction takes before the next shards wait for another.
_SHARD_MAX = 1_000
_TOGETHER_MAX = 5_000
_ROUNDS_MAX = 1_000


class Batch(NamedTuple):
    """What one shard's journal holds behind a position."""

    shard: Shard
    behind: Position
    upto: Position
    entries: Sequence[Entry]


def drain_journals(runtime: Runtime, *, now: Callable[[], datetime], shards: Sequence[Shard] = ALL_SHARDS) -> int:
    """Bring up to a thousand entries of each journal into Postgres; return how many this call has written.

    None written does not say that there are none: somebody else may have written those that were read, and more may stand
    behind them, or in the journals of a node that is away. Raises CreditsUnavailable, DatabaseUnavailable.
    """
    return _round(runtime, shards, now=now).written


def drain_to_the_end(runtime: Runtime, *, now: Callable[[], datetime], shards: Sequence[Shard] = ALL_SHARDS) -> None:
    """Return once Postgres has all that the journals hold, whoever wrote it. Raises CreditsUnavailable, DatabaseUnavailable."""
    for _ in range(_ROUNDS_MAX):
        done = _round(runtime, shards, now=now)
        if not done.away.isdisjoint(shards):
            raise CreditsUnavailable("the credits server does not answer for all shards")
        if not done.read:
            return
    raise CreditsUnavailable("the journals fill as fast as they are drained")


class _Round(NamedTuple):
    """How many entries stood behind the positions that Postgres had, how many were written here, and what was not looked at."""

    read: int
    written: int
    away: frozenset[Shard]


def _round(runtime: Runtime, shards: Sequence[Shard], *, now: Callable[[], datetime]) -> _Round:
    with runtime.transaction() as session:
        positions = read_positions(session)
    read, written, group = 0, 0, list[Batch]()
    found = _read(runtime, shards, positions)
    for batch in chain.from_iterable(found.answers):
        read += len(batch.entries)
        group.append(batch)
        if sum(len(held.entries) for held in group) >= _TOGETHER_MAX:
            written += _store(runtime, group, now=now())
            group = []
    return _Round(read, written + _store(runtime, group, now=now()), found.away)


def _read(runtime: Runtime, shards: Sequence[Shard], positions: Mapping[int, Position]) -> Asked[list[Batch]]:
    wanted = frozenset(shards)

    def read(node: Node) -> list[Batch]:
        held = [shard for shard in node.shards if shard in wanted]
        with node.client.pipeline(transaction=False) as pipeline:
            for shard in held:
                pipeline.xrange(shard.journal, min=f"({positions[shard.number]}", count=_SHARD_MAX)
            answers = pipeline.execute()
        return [
            _batch(shard, positions[shard.number], found) for shard, found in zip(held, answers, strict=True) if found
        ]

    return runtime.credits.ask_each(read)


def _batch(shard: Shard, behind: Position, found: Sequence[tuple[str, dict[str, str]]]) -> Batch:
    positions = [Position.parse(id_) for id_, _ in found]
    entries = [
        read_entry(fields["e"], written=position.milliseconds)
        for position, (_, fields) in zip(positions, found, strict=True)
    ]
    return Batch(shard, behind, positions[-1], entries)


def _store(runtime: Runtime, batches: Sequence[Batch], *, now: datetime) -> int:
    if not batches:
        return 0
    with runtime.transaction() as session:
        mine = _lock(session, batches)
        write_entries(session, [entry for batch in mine for entry in batch.entries], now=now)
        fail_point("credits.before_drain_commit")
    fail_point("credits.after_drain_commit")
    _trim(runtime, mine)
    return sum(len(batch.entries) for batch in mine)


def _lock(session: Session, batches: Sequence[Batch]) -> list[Batch]:
    """Return the batches that are still to be written, and move their positions; the others are somebody else's."""
    numbers = [batch.shard.number for batch in batches]
    begun = [{"shard": number, "milliseconds": START.milliseconds, "number": START.number} for number in numbers]
    insert_rows(session, CreditJournal, begun, on_conflict="ON CONFLICT (shard) DO NOTHING")
    query = select(CreditJournal).where(CreditJournal.shard.in_(numbers)).order_by(CreditJournal.shard)
    rows = {row.shard: row for row in session.scalars(query.with_for_update())}
    mine = []
    for batch in batches:
        row = rows[batch.shard.number]
        if (row.milliseconds, row.number) == batch.behind:
            row.milliseconds, row.number = batch.upto
            mine.append(batch)
    return mine


def _trim(runtime: Runtime, batches: Sequence[Batch]) -> None:
    trimmed = {batch.shard: str(batch.upto.next()) for batch in batches}

    def trim(node: Node) -> None:
        with node.client.pipeline(transaction=False) as pipeline:
            for shard in trimmed.keys() & set(node.shards):
                pipeline.xtrim(shard.journal, minid=trimmed[shard], approximate=False)
            pipeline.execute()

    # Where it fails, the next drain reads behind the position all the same, and trims these with its own.
    with suppress(CreditsUnavailable):
        runtime.credits.ask_each(trim)
