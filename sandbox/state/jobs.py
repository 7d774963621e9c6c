"""Work that falls due by itself, kept with the change that causes it, so that a restart loses none."""

from dataclasses import dataclass
from enum import StrEnum

from sandbox.state.store import Transaction


class JobKind(StrEnum):
    """What can fall due."""

    BOOK_CHARGE = "book_charge"
    SETTLE_DEBIT = "settle_debit"
    FAIL_DEBIT = "fail_debit"
    FAIL_REFUND = "fail_refund"
    COMPLETE_REFUND = "complete_refund"
    OPEN_DISPUTE = "open_dispute"


# What `Transaction.changed` names when work was scheduled.
JOB = "job"


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work on one object."""

    seq: int
    kind: JobKind
    object_id: str


def schedule(*, transaction: Transaction, kind: JobKind, object_id: str, due_at: float) -> None:
    """Record work that is due at a moment."""
    transaction.changed.add(JOB)
    transaction.sql.execute(
        "INSERT INTO jobs (due_at, kind, object_id) VALUES (?, ?, ?)", (due_at, kind.value, object_id)
    )


def take_due(*, transaction: Transaction, now: float, limit: int) -> list[Job]:
    """Return and remove what is due, the longest due first."""
    rows = transaction.sql.execute(
        "SELECT seq, kind, object_id FROM jobs WHERE due_at <= ? ORDER BY due_at, seq LIMIT ?", (now, limit)
    ).fetchall()
    transaction.sql.executemany("DELETE FROM jobs WHERE seq = ?", [(row[0],) for row in rows])
    return [Job(seq=row[0], kind=JobKind(row[1]), object_id=row[2]) for row in rows]


def cancel(*, transaction: Transaction, object_id: str, kinds: tuple[JobKind, ...]) -> None:
    """Remove waiting work on an object, because it was done or overtaken by other means."""
    transaction.sql.executemany(
        "DELETE FROM jobs WHERE object_id = ? AND kind = ?", [(object_id, kind.value) for kind in kinds]
    )


def next_due_at(*, transaction: Transaction) -> float | None:
    """Return the moment at which the next work is due."""
    (due_at,) = transaction.sql.execute("SELECT min(due_at) FROM jobs").fetchone()
    return None if due_at is None else float(due_at)
