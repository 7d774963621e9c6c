"""Use case: say that what a customer's plans allow of credits may have changed, where any of them is without a limit.

A worker finds out what holds now, and tells the credits server (follow_credit_limit.py).
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from billing import outbox
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.subscriptions.prefixes import SUBSCRIPTION_PREFIX
from models.ids import public_id
from models.plan import PlanVersion
from models.subscription import PlanCreditLimit, Subscription

DUE = "subscription.credit_limit_due"


def note_limits(session: Session, subscriptions: Sequence[Subscription], *, now: datetime) -> None:
    """Ask for a look at the limits of those customers whose subscription has changed, and is or was of unlimited credits.

    The caller holds the subscriptions' locks. `now` is real time.
    """
    lifted = set(
        session.scalars(
            select(PlanCreditLimit.customer_id).where(
                PlanCreditLimit.customer_id.in_([each.customer_id for each in subscriptions]),
                or_(PlanCreditLimit.unlimited, PlanCreditLimit.pending_id.is_not(None)),
            )
        )
    )
    for each in subscriptions:
        if each.customer_id in lifted or session.get_one(PlanVersion, each.plan_version_id).credits_unlimited:
            subscription, customer = (
                public_id(SUBSCRIPTION_PREFIX, each.id),
                public_id(CUSTOMER_PREFIX, each.customer_id),
            )
            outbox.emit(
                session,
                type_=DUE,
                object_type="subscription",
                object_id=subscription,
                customer_id=each.customer_id,
                payload={"id": subscription, "customer_id": customer},
                now=now,
            )
