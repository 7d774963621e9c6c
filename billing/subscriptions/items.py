"""Reading what subscriptions are for: their items, with prices and names."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.catalog.pricing import terms_of
from billing.subscriptions.lines import PricedItem
from models.plan import Plan, PlanVersion
from models.price import BASE_COMPONENT, Price
from models.subscription import SubscriptionItem


def items_of_each(session: Session, *, subscription_ids: Collection[UUID]) -> dict[UUID, list[PricedItem]]:
    """Return the present items of several subscriptions, in the order in which they were added; one query for all of them."""
    found: dict[UUID, list[PricedItem]] = {subscription_id: [] for subscription_id in subscription_ids}
    query = (
        select(SubscriptionItem, Price, Plan)
        .join(Price, Price.id == SubscriptionItem.price_id)
        .join(PlanVersion, PlanVersion.id == Price.version_id)
        .join(Plan, Plan.id == PlanVersion.plan_id)
        .where(
            SubscriptionItem.subscription_id.in_(subscription_ids),
            SubscriptionItem.started_at.is_not(None),
            SubscriptionItem.ended_at.is_(None),
        )
        .order_by(SubscriptionItem.id)
    )
    for item, price, plan in session.execute(query):
        found[item.subscription_id].append(priced(item.id, price, quantity=item.quantity, plan=plan))
    return found


def priced(item_id: UUID, price: Price, *, quantity: int, plan: Plan) -> PricedItem:
    """Return an item as lines are made of it."""
    return PricedItem(
        item_id=item_id,
        price_id=price.id,
        version_id=price.version_id,
        plan=plan.code,
        terms=terms_of(price),
        quantity=quantity,
        name=plan.name if price.component == BASE_COMPONENT else f"{plan.name}: {price.component}",
        meter=price.meter,
    )
