"""A source of due work: the credit grants and holds of a clock's customers that end.

Beat's sweep leaves these customers alone: what falls due of them stands in a set of its own on the credits server.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, select, union_all
from sqlalchemy.orm import Session

from billing.credits.expire import expire_on_clock
from billing.runtime import Runtime
from models.credits import CreditGrant, CreditHold, HoldStatus
from models.customer import Customer

# So many accounts at once; what is left is done when the clock looks again.
TOGETHER_MAX = 500


def next_due(session: Session, *, clock_id: UUID) -> datetime | None:
    """Return when a grant or a hold ends next, as far as the journals are drained."""
    ends = union_all(*_ends(clock_id)).subquery()
    earliest: datetime | None = session.scalar(select(func.min(ends.c.expires_at)))
    return earliest


def run_due(runtime: Runtime, *, clock_id: UUID, at: datetime, now: datetime) -> int:  # noqa: ARG001 - a source's
    """End what ends by `at`, and return of how many accounts something did. Raises CreditsUnavailable."""
    ends = union_all(*_ends(clock_id)).subquery()
    due = select(ends.c.customer_id).where(ends.c.expires_at <= at).distinct().order_by(ends.c.customer_id)
    with runtime.transaction() as session:
        customers = session.scalars(due.limit(TOGETHER_MAX)).all()
    if customers:
        expire_on_clock(runtime, customers, now=at)
    return len(customers)


def _ends(clock_id: UUID) -> tuple[Select[UUID, datetime | None], ...]:
    """Return the queries for whose credits end when: grants that have something left, and holds that nobody has ended."""
    on_the_clock = (Customer.test_clock_id == clock_id, Customer.deleted_at.is_(None))
    return (
        select(CreditGrant.customer_id, CreditGrant.expires_at)
        .join(Customer, Customer.id == CreditGrant.customer_id)
        .where(*on_the_clock, CreditGrant.remaining > 0, CreditGrant.expires_at.is_not(None)),
        select(CreditHold.customer_id, CreditHold.expires_at)
        .join(Customer, Customer.id == CreditHold.customer_id)
        .where(*on_the_clock, CreditHold.status == HoldStatus.ACTIVE, CreditHold.expires_at.is_not(None)),
    )
