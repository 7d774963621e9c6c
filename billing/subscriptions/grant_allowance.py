"""Process: bring months' credits to the credits server, once each, and then what they carry over from the months before.

The row is committed with the month (allowance.py); how both are given once, credits/owed.py says. Between any two lines the
process may die.

What is carried over is decided after the month's own credits are in Postgres: the script that gave them has ended what was due
before, so Postgres knows what of the month before was left. It is committed before it is given, and is not decided again.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, String, cast, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from billing.business_time import business_now
from billing.credits.grant import DEFAULT_PRIORITY, GrantTerms, grant
from billing.credits.owed import in_books, owed_order
from billing.credits.server import CreditsUnavailable
from billing.fail_points import fail_point
from billing.runtime import Runtime
from billing.subscriptions.prefixes import SUBSCRIPTION_PREFIX
from models.credits import CreditTransaction, GrantKind, TransactionType
from models.ids import new_id, public_id
from models.subscription import PlanAllowance

OPERATION = "plan.allowance"
ROLL_OVER = "plan.roll_over"
# What was carried over ends with the month's own credits, and is spent before them.
ROLL_OVER_PRIORITY = DEFAULT_PRIORITY[GrantKind.ALLOWANCE] - 5


class _Given(NamedTuple):
    """One of the two grants of a month: its id, and what it is."""

    id: UUID
    effect: str
    operation: str
    credits: int
    priority: int


def grant_allowances(runtime: Runtime, *, allowance_ids: Collection[UUID], now: datetime) -> None:
    """Give the credits of some months, but for those that were given, or whose month is over. `now` is real time.

    What a billing run leaves costs one look for all. May be called at any time, by several at once. Raises CreditsUnavailable,
    DatabaseUnavailable: call it again.
    """
    with runtime.transaction() as session:
        query = select(PlanAllowance).where(PlanAllowance.id.in_(allowance_ids), PlanAllowance.granted_at.is_(None))
        rows = session.scalars(query.order_by(PlanAllowance.id)).all()
        times = {row.id: business_now(session, customer_id=row.customer_id, now=now) for row in rows}
    running = [row for row in rows if row.expires_at > times[row.id]]
    # The period of a mirrored one is Stripe's to begin.
    if any(row.subscription_id is not None and times[row.id] < row.month_start for row in running):
        raise CreditsUnavailable("by this worker's clock a month has not begun, and the one before has not ended")
    priority = DEFAULT_PRIORITY[GrantKind.ALLOWANCE]
    own = [(row, _Given(row.id, "plan-allowance", OPERATION, row.credits, priority)) for row in running]
    _give(runtime, own, times=times, now=now)
    carried = [(row, given) for row in running if row.roll_over_max for given in _decide_roll_over(runtime, row.id)]
    _give(runtime, carried, times=times, now=now)
    if carried:
        fail_point("subscriptions.roll_over_granted")
    if not rows:
        return
    with runtime.transaction() as session:
        for row in rows:
            session.get_one(PlanAllowance, row.id, with_for_update=True).granted_at = times[row.id]


def _give(
    runtime: Runtime, owed: Sequence[tuple[PlanAllowance, _Given]], *, times: Mapping[UUID, datetime], now: datetime
) -> None:
    """Make the grants that were not made, and see that all of them are in Postgres."""
    customer_of = {given.id: row.customer_id for row, given in owed}
    made = in_books(runtime, customer_of, now=now)
    for row, given in owed:
        if given.id not in made:
            _grant(runtime, row, given, at=times[row.id])
            fail_point("subscriptions.allowance_granted")
    if len(made) < len(owed) and len(in_books(runtime, customer_of, now=now)) < len(owed):
        raise CreditsUnavailable("the credits server lost what it had answered; the credits are granted again")


def _grant(runtime: Runtime, row: PlanAllowance, given: _Given, *, at: datetime) -> None:
    order = owed_order(
        given.effect, given.id, customer_id=row.customer_id, amount=given.credits, operation=given.operation
    )
    terms = GrantTerms(
        id=given.id,
        kind=GrantKind.ALLOWANCE,
        priority=given.priority,
        expires_at=row.expires_at,
        reference=public_id(SUBSCRIPTION_PREFIX, row.of_subscription),
    )
    grant(runtime, order, terms, balance_max=None, now=at)


def _decide_roll_over(runtime: Runtime, allowance_id: UUID) -> list[_Given]:
    """Commit how many credits a month carries over; return the grant of them, none where that is 0."""
    with runtime.transaction() as session:
        row = session.get_one(PlanAllowance, allowance_id, with_for_update=True)
        if row.roll_over_max is None:
            return []
        if row.rolled_over is None or row.roll_over_id is None:
            row.rolled_over = min(row.roll_over_max, _unspent(session, row))
            row.roll_over_id = new_id()
        carried = _Given(row.roll_over_id, "plan-roll-over", ROLL_OVER, row.rolled_over, ROLL_OVER_PRIORITY)
    fail_point("subscriptions.roll_over_committed")
    return [carried] if carried.credits else []


def _unspent(session: Session, row: PlanAllowance) -> int:
    """Return what ended unspent with the month before: of its credits, and of what that month had carried over itself."""
    before = (PlanAllowance.subscription_id == row.subscription_id, PlanAllowance.expires_at == row.month_start)
    grants = select(_text(PlanAllowance.id)).where(*before)
    carried = select(_text(PlanAllowance.roll_over_id)).where(*before)
    ended = select(func.coalesce(func.sum(CreditTransaction.amount), 0)).where(
        CreditTransaction.type == TransactionType.GRANT_EXPIRED,
        CreditTransaction.customer_id == row.customer_id,
        CreditTransaction.reference.in_(grants.union_all(carried)),
    )
    return int(session.scalar(ended) or 0)


def _text(identifier: InstrumentedAttribute[UUID] | InstrumentedAttribute[UUID | None]) -> ColumnElement[str]:
    return cast(identifier, String)
