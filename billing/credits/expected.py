"""What the ledger knows of the credits server: the epoch in force, and how far each shard's journal is drained."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.credits.journal import START, Position
from billing.credits.shards import ALL_SHARDS
from models.credits import CreditEpoch, CreditJournal


class Expected(NamedTuple):
    """What the server's memory has to show."""

    epoch: int
    positions: Mapping[int, Position]


def read_expected(session: Session) -> Expected:
    """Return what the server's memory has to show."""
    return Expected(read_epoch(session), read_positions(session))


def read_epoch(session: Session) -> int:
    """Return the epoch in force; 0 before the first rebuild."""
    return session.scalar(select(CreditEpoch.epoch)) or 0


def read_positions(session: Session) -> dict[int, Position]:
    """Return how far each shard's journal is drained."""
    rows = session.execute(select(CreditJournal.shard, CreditJournal.milliseconds, CreditJournal.number))
    drained = {shard: Position(milliseconds, number) for shard, milliseconds, number in rows}
    return {shard.number: drained.get(shard.number, START) for shard in ALL_SHARDS}
