"""Reading which plan of ours a subscription at the gateway is one to.

A price names its plan: by `billing_plan` in its metadata, or in its product's; else by its lookup key, up to the first
underscore: `pro_monthly` is `pro`. (The code of a plan holds none.) It is said at the gateway, where the prices are.
"""

from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.gateways.snapshots import PriceSnapshot, SubscriptionItemSnapshot, SubscriptionSnapshot
from models.plan import Plan, PlanKind

PLAN_KEY = "billing_plan"


class PlanItem(NamedTuple):
    """The item that makes a subscription one to `plan`; the first item, and no plan, where no price names one of ours."""

    item: SubscriptionItemSnapshot
    plan: Plan | None


def named_plan(price: PriceSnapshot) -> str | None:
    """Return the code of the plan that a price names; None for one that names nothing."""
    named = price.metadata.get(PLAN_KEY) or price.product.metadata.get(PLAN_KEY)
    return named or (price.lookup_key.partition("_")[0] if price.lookup_key else None)


def plan_item(session: Session, subscription: SubscriptionSnapshot) -> PlanItem:
    """Return the item whose price names a plan of ours, also one that is not offered any more.

    Of several the plan with the greatest position counts, as it does of several subscriptions.
    """
    names = {item.id: named_plan(item.price) for item in subscription.items}
    query = select(Plan).where(Plan.code.in_([name for name in names.values() if name]), Plan.kind == PlanKind.PLAN)
    plans = {plan.code: plan for plan in session.scalars(query)}
    known = [PlanItem(item, plans[name]) for item in subscription.items if (name := names[item.id]) in plans]
    return max(known, key=_position, default=PlanItem(subscription.items[0], None))


def _position(found: PlanItem) -> int:
    return found.plan.position if found.plan is not None else -1
