"""Use case: the plan's credits of a period that Stripe was paid for, as a row that is granted once.

The engine's rows are of months, because it looks at a subscription each month (billing/subscriptions/allowance.py). Of a mirrored
one nothing is ever due here: a paid period brings the credits of all its months at once, and they end with it.
"""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from billing import outbox
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.gateways.snapshots import RecurringSnapshot
from billing.mirror.state import credits_of_period
from billing.subscriptions.allowance import DUE
from billing.subscriptions.prefixes import SUBSCRIPTION_PREFIX
from models.ids import new_id, public_id
from models.mirror import MirroredSubscription
from models.plan import PlanVersion
from models.subscription import PlanAllowance


def owe_period(
    session: Session,
    mirror: MirroredSubscription,
    version: PlanVersion,
    *,
    recurring: RecurringSnapshot,
    at: datetime,
    now: datetime,
) -> None:
    """Note that the present period is paid for, and that its credits are owed, where the plan has any.

    The caller holds the row's lock. A period that was noted is not noted again; one that is over at `at` brings nothing.
    """
    credits_ = credits_of_period(version.credits_per_month or 0, recurring=recurring)
    if mirror.customer_id is None or not credits_ or mirror.current_period_end <= at:
        return
    added = session.scalar(
        insert(PlanAllowance)
        .values(
            id=new_id(),
            mirror_id=mirror.id,
            customer_id=mirror.customer_id,
            month_start=mirror.current_period_start,
            part=0,
            credits=credits_,
            expires_at=mirror.current_period_end,
            created_at=at,
        )
        .on_conflict_do_nothing(index_elements=["mirror_id", "month_start", "part"])
        .returning(PlanAllowance.id)
    )
    if added is None:
        return
    outbox.emit(
        session,
        type_=DUE,
        object_type="subscription",
        object_id=public_id(SUBSCRIPTION_PREFIX, mirror.id),
        customer_id=mirror.customer_id,
        payload={
            "id": public_id(SUBSCRIPTION_PREFIX, mirror.id),
            "customer_id": public_id(CUSTOMER_PREFIX, mirror.customer_id),
            "allowance": str(added),
            "credits": credits_,
        },
        now=now,
    )
