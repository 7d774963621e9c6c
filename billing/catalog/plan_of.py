"""Which plan a customer has, and which version of it: the one place that knows."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from models.plan import Plan, PlanVersion
from models.subscription import Subscription, SubscriptionStatus

WITHOUT_SUBSCRIPTION = "free"


class HeldPlan(NamedTuple):
    """A plan, and the version of it by which the customer is served."""

    plan: Plan
    version: PlanVersion


def held_plan(session: Session, *, customer_id: UUID, grace_days: int, now: datetime) -> HeldPlan:
    """Return the plan and the version whose features the customer has at `now`, its business time.

    Of several subscriptions the plan with the greatest position counts. One that is past due counts for `grace_days`. A customer
    without a subscription that counts has the features of `free` as it is offered now.
    """
    served = or_(
        Subscription.status.in_((SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE)),
        and_(
            Subscription.status == SubscriptionStatus.PAST_DUE,
            Subscription.past_due_since > now - timedelta(days=grace_days),
        ),
    )
    subscribed = (
        select(Plan, PlanVersion)
        .join(PlanVersion, PlanVersion.plan_id == Plan.id)
        .join(Subscription, Subscription.plan_version_id == PlanVersion.id)
        .where(Subscription.customer_id == customer_id, Subscription.ended_at.is_(None), served)
        .order_by(Plan.position.desc())
        .limit(1)
    )
    found = session.execute(subscribed).one_or_none()
    if found is None:
        free = (
            select(Plan, PlanVersion)
            .join(PlanVersion, PlanVersion.plan_id == Plan.id)
            .where(Plan.code == WITHOUT_SUBSCRIPTION)
            .order_by(PlanVersion.number.desc())
            .limit(1)
        )
        found = session.execute(free).one()
    plan, version = found
    return HeldPlan(plan, version)
