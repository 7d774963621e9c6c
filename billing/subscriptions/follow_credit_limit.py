"""Process: make a customer's account unlimited while one of its plans is, and limited again afterwards.

What the plans say now is compared with what was told to the credits server last; the change is committed with the id of its
transaction, made once (credits/owed.py), and noted. So the order of events does not matter, nor how often one comes, and between
any two lines the process may die.

What an operator sets in between stays until the plans say something else: each tells what changes, and the last word holds.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from billing.credits.limit import set_unlimited
from billing.credits.owed import is_in_books, owed_order
from billing.credits.server import CreditsUnavailable
from billing.fail_points import fail_point
from billing.runtime import Runtime
from models.ids import new_id
from models.plan import PlanVersion
from models.subscription import PlanCreditLimit, Subscription, SubscriptionStatus

OPERATION = "plan.credit_limit"
# As with the credits of a month: who is past due is served until somebody ends that.
_SERVED = (SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE)
_STEPS_MAX = 20


class _Change(NamedTuple):
    """A committed change: the id of its transaction, what it sets, and whether somebody had begun with it before."""

    id: UUID
    unlimited: bool
    begun_before: bool


def follow_credit_limit(runtime: Runtime, *, customer_id: UUID, now: datetime) -> None:
    """Change the account's limit until it is what the customer's plans say. `now` is real time.

    May be called at any time, by several at once. Raises CreditsUnavailable, DatabaseUnavailable: call it again.
    """
    for _ in range(_STEPS_MAX):
        with runtime.transaction() as session:
            change = _begin(session, customer_id)
        if change is None:
            return
        fail_point("subscriptions.credit_limit_committed")
        if not (change.begun_before and is_in_books(runtime, change.id, customer_id=customer_id, now=now)):
            order = owed_order("plan-credit-limit", change.id, customer_id=customer_id, amount=0, operation=OPERATION)
            set_unlimited(runtime, order, unlimited=change.unlimited, now=now, hidden_too=True)
            fail_point("subscriptions.credit_limit_made")
            if not is_in_books(runtime, change.id, customer_id=customer_id, now=now):
                raise CreditsUnavailable("the credits server lost what it had answered; the limit is changed again")
        with runtime.transaction() as session:
            row = _lock(session, customer_id)
            if row.pending_id == change.id:
                row.unlimited, row.pending_id = change.unlimited, None
    raise CreditsUnavailable("the plans change faster than the account can follow")


def _begin(session: Session, customer_id: UUID) -> _Change | None:
    """Return the change that is to be made: the one under way, else what the plans say and the account was not told."""
    session.execute(insert(PlanCreditLimit).values(customer_id=customer_id, unlimited=False).on_conflict_do_nothing())
    row = _lock(session, customer_id)
    if row.pending_id is not None:
        return _Change(row.pending_id, not row.unlimited, begun_before=True)
    if _is_unlimited(session, customer_id) == row.unlimited:
        return None
    row.pending_id = new_id()
    return _Change(row.pending_id, not row.unlimited, begun_before=False)


def _lock(session: Session, customer_id: UUID) -> PlanCreditLimit:
    query = select(PlanCreditLimit).where(PlanCreditLimit.customer_id == customer_id).with_for_update()
    return session.scalars(query, execution_options={"populate_existing": True}).one()


def _is_unlimited(session: Session, customer_id: UUID) -> bool:
    query = (
        select(Subscription.id)
        .join(PlanVersion, PlanVersion.id == Subscription.plan_version_id)
        .where(
            Subscription.customer_id == customer_id,
            Subscription.status.in_(_SERVED),
            PlanVersion.credits_unlimited,
        )
    )
    return session.scalar(query.limit(1)) is not None
