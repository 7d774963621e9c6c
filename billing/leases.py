"""Claiming rows of work: a committed lease, fenced by a token, and two ways to come back.

Due times are compared with the database's clock, never with a machine's own, so that workers whose clocks differ agree.
A failure of the work's own (an exception, or the death of who held it) counts, and FAILURES_MAX of them end it. A part
outside that does not answer only postpones: POSTPONEMENTS_MAX pauses of up to a minute, which is about a day.
"""

import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar
from uuid import uuid4

from sqlalchemy import ColumnElement, case, func, select, tuple_, update
from sqlalchemy.orm import Session

from models.leased_work import LeasedWork

FAILURES_MAX = 3
FAILURE_PAUSE_SECONDS = 2
POSTPONE_PAUSE_SECONDS_MAX = 60
POSTPONEMENTS_MAX = 1_900

Work = TypeVar("Work", bound=LeasedWork)


class LeaseLost(Exception):
    """Somebody else took the row over meanwhile; what this holder did must not be committed."""


def claim(
    session: Session,
    table: type[Work],
    *,
    limit: int,
    lease_seconds: int,
    busy_status: StrEnum | None,
    also: Mapping[str, object] | None = None,
) -> list[Work]:
    """Take up to `limit` due rows that nobody holds, oldest due first, for `lease_seconds`; `also` are more values to set.

    A row that still carries a token was left behind by a holder that died; that counts as a failure of its own.
    """
    due = (
        select(table.id)
        .where(table.next_attempt_at <= func.now())
        .order_by(table.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    values: dict[str, object] = {
        "failures": table.failures + case((table.lease_token.is_not(None), 1), else_=0),
        "lease_token": uuid4(),
        "next_attempt_at": func.now() + timedelta(seconds=lease_seconds),
        **(also or {}),
    }
    if busy_status is not None:
        values["status"] = busy_status
    rows: Sequence[Work] = session.scalars(
        update(table).where(table.id.in_(due.scalar_subquery())).values(values).returning(table),
        execution_options={"synchronize_session": False},
    ).all()
    return sorted(rows, key=lambda row: row.id)


def set_failed_apart(session: Session, claimed: Sequence[Work], *, idle_status: StrEnum | None = None) -> list[Work]:
    """Keep of a claim only one row that has failed before, if there is one, and give the others back untouched.

    Whoever takes a row that kills its holder dies alone with it: rows that were in the same claim would lose a life each time.
    """
    failed = next((row for row in claimed if row.failures), None)
    if failed is None:
        return list(claimed)
    if others := [row for row in claimed if row is not failed]:
        give_back(session, others, idle_status=idle_status)
    return [failed]


def any_due(session: Session, table: type[Work]) -> bool:
    """Return whether a row is due that nobody holds."""
    return session.scalar(select(table.id).where(table.next_attempt_at <= func.now()).limit(1)) is not None


def seconds_until_due(session: Session, table: type[Work]) -> float | None:
    """Return how long it is until the next waiting row is due (0 when one is), or None when none waits."""
    earliest = session.scalar(
        select(func.extract("epoch", func.min(table.next_attempt_at) - func.now())).where(
            table.next_attempt_at.is_not(None), table.lease_token.is_(None)
        )
    )
    return None if earliest is None else max(0.0, float(earliest))


def _still_held(table: type[Work], claimed: Sequence[Work]) -> ColumnElement[bool]:
    """Return the condition that is true for those of some claimed rows whose lease nobody else has taken over."""
    return tuple_(table.id, table.lease_token).in_([(row.id, row.lease_token) for row in claimed])


def hold(session: Session, claimed: Work) -> Work:
    """Lock a claimed row for the rest of the transaction, with its newest values, provided that the lease still stands.

    Raises LeaseLost when another holder has it.
    """
    table = type(claimed)
    row = session.scalar(
        select(table).where(_still_held(table, [claimed])).with_for_update(),
        execution_options={"populate_existing": True},
    )
    if row is None:
        raise LeaseLost(f"{table.__name__} {claimed.id} was taken over by another worker")
    return row


def hold_all(session: Session, claimed: Sequence[Work]) -> list[Work]:
    """Lock claimed rows for the rest of the transaction; return those of them whose lease still stands.

    They are as they were claimed: nobody changes a row whose lease another holds.
    """
    table = type(claimed[0])
    standing = set(
        session.scalars(select(table.id).where(_still_held(table, claimed)).order_by(table.id).with_for_update())
    )
    return [row for row in claimed if row.id in standing]


def renew(session: Session, claimed: Sequence[Work], *, lease_seconds: int) -> list[Work]:
    """Let the leases of claimed rows run `lease_seconds` from now; return those whose lease still stood."""
    table = type(claimed[0])
    standing = set(
        session.scalars(
            update(table)
            .where(_still_held(table, claimed))
            .values(next_attempt_at=func.now() + timedelta(seconds=lease_seconds))
            .returning(table.id),
            execution_options={"synchronize_session": False},
        )
    )
    return [row for row in claimed if row.id in standing]


def give_back(
    session: Session, claimed: Sequence[Work], *, idle_status: StrEnum | None, pause: timedelta = timedelta(0)
) -> None:
    """Give rows of one claim back untouched: due after `pause`, for anybody. Those whose lease is lost are left alone."""
    table = type(claimed[0])
    status = {} if idle_status is None else {"status": idle_status}
    session.execute(
        update(table)
        .where(_still_held(table, claimed))
        .values(lease_token=None, next_attempt_at=func.now() + pause, **status),
        execution_options={"synchronize_session": False},
    )


def release(row: LeasedWork) -> None:
    """Give the row up for good: nothing is due any more."""
    row.lease_token = None
    row.next_attempt_at = None


def postpone(row: LeasedWork, *, reason: str) -> bool:
    """Give the row back because a part outside does not answer; return False when it has waited for about a day."""
    row.last_error = reason
    if row.postponements >= POSTPONEMENTS_MAX:
        return False
    row.postponements += 1
    _return_later(row, pause=postpone_pause(row.postponements))
    return True


def fail(row: LeasedWork, *, reason: str, final: bool = False) -> bool:
    """Count a failure of the row's own and give it back; return False, and give it up, when it has failed too often."""
    row.last_error = reason
    row.failures = max(row.failures, FAILURES_MAX) if final else row.failures + 1
    if row.failures >= FAILURES_MAX:
        release(row)
        return False
    _return_later(row, pause=failure_pause(row.failures))
    return True


def died_too_often(claimed: LeasedWork) -> bool:
    """Return whether those who held the row died so often that nobody should try again."""
    return claimed.failures >= FAILURES_MAX


def failure_pause(failures: int) -> timedelta:
    """Return the pause after the `failures`-th failure of a row's own: exponential, with 50 to 100 % jitter."""
    return timedelta(seconds=FAILURE_PAUSE_SECONDS * 2 ** (failures - 1) * _jitter())


def postpone_pause(postponements: int) -> timedelta:
    """Return the pause while a part outside does not answer: exponential up to a minute, with 50 to 100 % jitter."""
    seconds = min(2 ** min(postponements, 10), POSTPONE_PAUSE_SECONDS_MAX)
    return timedelta(seconds=seconds * _jitter())


def _return_later(row: LeasedWork, *, pause: timedelta) -> None:
    row.lease_token = None
    row.next_attempt_at = func.now() + pause


def _jitter() -> float:
    return random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing
