"""Rule and use cases: the plan's credits of each month, as rows that are granted once.

A row commits with the fact that the month has begun; a worker brings it to the credits server (grant_allowance.py). The month is
one of the subscription's anchor, also where the plan is paid by the year. Where the anchor was moved, the part of a month that
no grant was for gives its part of the credits.
"""

from datetime import datetime, timedelta
from fractions import Fraction

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing import outbox
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.subscriptions.cycle import Cycle, Period
from billing.subscriptions.prefixes import SUBSCRIPTION_PREFIX
from models.ids import new_id, public_id
from models.money import round_half_away_from_zero
from models.plan import PlanVersion
from models.price import PriceInterval
from models.subscription import PlanAllowance, Subscription, UpgradeCredits

DUE = "subscription.credits_due"
_SECOND = timedelta(seconds=1)


def month_at(subscription: Subscription, at: datetime) -> Period:
    """Return the subscription's month in which `at` lies."""
    return Cycle(subscription.anchor, subscription.anchor_day, PriceInterval.MONTH).period_at(at)


def running_month(subscription: Subscription) -> Period | None:
    """Return the month for which credits were granted last."""
    until = subscription.credited_until
    return None if until is None else Period(month_at(subscription, until - _SECOND).start, until)


def owe_month(
    session: Session, subscription: Subscription, version: PlanVersion, *, at: datetime, now: datetime
) -> None:
    """Note that the month in which `at` lies has begun, and that its credits are owed, where the plan has any.

    The caller holds the subscription's lock. A month that was noted is not noted again.
    """
    granted_until = subscription.credited_until
    if granted_until is not None and at < granted_until:
        return
    month = month_at(subscription, at)
    subscription.credited_until = month.end
    begins = max(granted_until or month.start, month.start)
    amount = round_half_away_from_zero((version.credits_per_month or 0) * _share(month, begins=begins))
    period, carried = Period(begins, month.end), version.credits_roll_over_max
    _owe(session, subscription, amount, month=period, part=0, at=at, now=now, roll_over_max=carried)


def owe_difference(
    session: Session,
    subscription: Subscription,
    version: PlanVersion,
    *,
    month: Period,
    policy: UpgradeCredits,
    at: datetime,
    now: datetime,
) -> None:
    """Note the credits that another plan gives in a month that runs already.

    It is what the plan gives more than this month was given, so that no chain of changes gives more than the best plan has.
    The caller holds the subscription's lock.
    """
    if policy is UpgradeCredits.NONE:
        return
    query = select(func.coalesce(func.sum(PlanAllowance.credits), 0), func.max(PlanAllowance.part)).where(
        PlanAllowance.subscription_id == subscription.id, PlanAllowance.expires_at == month.end
    )
    given, part = session.execute(query).one()
    more = Fraction(max((version.credits_per_month or 0) - given, 0))
    if policy is UpgradeCredits.PRORATED:
        more *= _share(month, begins=at)
    _owe(session, subscription, round_half_away_from_zero(more), month=month, part=(part or 0) + 1, at=at, now=now)


def _share(month: Period, *, begins: datetime) -> Fraction:
    """Return the share of a month that is left when `begins` comes."""
    if begins >= month.end:
        return Fraction(0)
    return Fraction((month.end - max(begins, month.start)) // _SECOND, (month.end - month.start) // _SECOND)


def _owe(
    session: Session,
    subscription: Subscription,
    amount: int,
    *,
    month: Period,
    part: int,
    at: datetime,
    now: datetime,
    roll_over_max: int | None = None,
) -> None:
    if not amount:
        return
    row = PlanAllowance(
        id=new_id(),
        subscription_id=subscription.id,
        customer_id=subscription.customer_id,
        month_start=month.start,
        part=part,
        credits=amount,
        expires_at=month.end,
        roll_over_max=roll_over_max,
        created_at=at,
    )
    session.add(row)
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
