"""Which plan a customer has: the one place that knows."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.plan import Plan

WITHOUT_SUBSCRIPTION = "free"


def plan_of(session: Session, *, customer_id: UUID, now: datetime) -> Plan:  # noqa: ARG001 - what a subscription decides by
    """Return the plan whose features the customer has at `now`.

    A customer without a subscription has those of `free`, and there are no subscriptions yet.
    """
    return session.scalars(select(Plan).where(Plan.code == WITHOUT_SUBSCRIPTION)).one()
