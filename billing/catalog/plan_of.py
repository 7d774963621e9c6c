"""Which plan a customer has, and which version of it: the one place that knows."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from billing.mirror.served import serves
from models.mirror import MirroredSubscription
from models.plan import Plan, PlanVersion
from models.subscription import Subscription, SubscriptionStatus

WITHOUT_SUBSCRIPTION = "free"


class HeldPlan(NamedTuple):
    """A plan, and the version of it by which the customer is served."""

    plan: Plan
    version: PlanVersion


def held_plan(session: Session, *, customer_id: UUID, grace_days: int, now: datetime) -> HeldPlan:
    """Return the plan and the version whose features the customer has at `now`, its business time.

    Of several subscriptions, mirrored ones too, the plan with the greatest position counts. One that is past due counts for
    `grace_days`. A customer without a subscription that counts has the features of `free` as it is offered now.
    """
    late_since_after = now - timedelta(days=grace_days)
    served = or_(
        Subscription.status.in_((SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE)),
        and_(
            Subscription.status == SubscriptionStatus.PAST_DUE,
            Subscription.past_due_since > late_since_after,
        ),
    )
    ours = select(Subscription.plan_version_id).where(
        Subscription.customer_id == customer_id, Subscription.ended_at.is_(None), served
    )
    mirrored = select(MirroredSubscription.plan_version_id).where(
        MirroredSubscription.customer_id == customer_id, serves(late_since_after=late_since_after)
    )
    subscribed = (
        select(Plan, PlanVersion)
        .join(PlanVersion, PlanVersion.plan_id == Plan.id)
        .where(PlanVersion.id.in_(ours.union_all(mirrored)))
        .order_by(Plan.position.desc(), PlanVersion.number.desc())
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
