"""Which plan a customer has, and which version of it: the one place that knows."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.plan import Plan, PlanVersion

WITHOUT_SUBSCRIPTION = "free"


class HeldPlan(NamedTuple):
    """A plan, and the version of it by which the customer is served."""

    plan: Plan
    version: PlanVersion


def held_plan(session: Session, *, customer_id: UUID, now: datetime) -> HeldPlan:  # noqa: ARG001 - what a subscription decides by
    """Return the plan and the version whose features the customer has at `now`.

    A customer without a subscription has those of `free` as it is offered now, and there are no subscriptions yet.
    """
    query = (
        select(Plan, PlanVersion)
        .join(PlanVersion, PlanVersion.plan_id == Plan.id)
        .where(Plan.code == WITHOUT_SUBSCRIPTION)
        .order_by(PlanVersion.number.desc())
        .limit(1)
    )
    plan, version = session.execute(query).one()
    return HeldPlan(plan, version)


def plan_of(session: Session, *, customer_id: UUID, now: datetime) -> Plan:
    """Return the plan whose features the customer has at `now`."""
    return held_plan(session, customer_id=customer_id, now=now).plan
