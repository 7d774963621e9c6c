"""Rule and use case: the plan's credits of each month, as rows that are granted once.

A row commits with the fact that the month has begun; a worker brings it to the credits server (grant_allowance.py). The month is
one of the subscription's anchor, also where the plan is paid by the year.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from billing import outbox
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.subscriptions.cycle import Cycle, Period
from billing.subscriptions.prefixes import SUBSCRIPTION_PREFIX
from models.ids import public_id
from models.plan import PlanVersion
from models.price import PriceInterval
from models.subscription import PlanAllowance, Subscription

DUE = "subscription.credits_due"


def month_at(subscription: Subscription, at: datetime) -> Period:
    """Return the subscription's month in which `at` lies."""
    return Cycle(subscription.anchor, subscription.anchor_day, PriceInterval.MONTH).period_at(at)


def owe_month(
    session: Session, subscription: Subscription, version: PlanVersion, *, at: datetime, now: datetime
) -> None:
    """Note that the month in which `at` lies has begun, and that its credits are owed, where the plan has any.

    The caller holds the subscription's lock. A month that was noted is not noted again.
    """
    if subscription.credited_until is not None and at < subscription.credited_until:
        return
    month = month_at(subscription, at)
    subscription.credited_until = month.end
    if not version.credits_per_month:
        return
    row = PlanAllowance(
        subscription_id=subscription.id,
        customer_id=subscription.customer_id,
        month_start=month.start,
        part=0,
        credits=version.credits_per_month,
        expires_at=month.end,
        roll_over_max=version.credits_roll_over_max,
        created_at=at,
    )
    session.add(row)
    session.flush()
    outbox.emit(
        session,
        type_=DUE,
        object_type="subscription",
        object_id=public_id(SUBSCRIPTION_PREFIX, subscription.id),
        customer_id=subscription.customer_id,
        payload={
            "id": public_id(SUBSCRIPTION_PREFIX, subscription.id),
            "customer_id": public_id(CUSTOMER_PREFIX, subscription.customer_id),
            "allowance": str(row.id),
            "credits": row.credits,
        },
        now=now,
    )
