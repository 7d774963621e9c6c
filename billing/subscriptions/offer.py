"""Reading what a customer can subscribe to: a plan with add-ons, at the prices that the customer would pay."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from billing.catalog.find import current_version, find_plan, price_for
from billing.errors import FieldFault, Invalid
from billing.subscriptions.items import priced
from billing.subscriptions.lines import PricedItem
from models.ids import new_id
from models.plan import Plan, PlanKind, PlanVersion
from models.price import PriceInterval, TaxBehavior
from models.subscription import SubscriptionItem


class PlanNotOffered(Invalid):
    """The plan cannot be subscribed to: it is an add-on, or none, or is not offered any more."""

    code = "plan_not_offered"


class Offer(NamedTuple):
    """What would be subscribed to. The items have new ids, and are no rows yet."""

    plan: Plan
    version: PlanVersion
    interval: PriceInterval
    quantity: int
    items: tuple[PricedItem, ...]


def offer(
    session: Session,
    *,
    customer_id: UUID,
    plan: str,
    interval: PriceInterval,
    currency: str,
    quantity: int,
    addons: Mapping[str, int],
    held: Sequence[PricedItem] = (),
) -> Offer:
    """Return a plan and add-ons, by code or id, with the customer's prices. `addons` says how many of each.

    Who holds a plan or an add-on already keeps the version of it; anything else comes in the version that is sold now.
    Raises PlanNotFound, PlanNotOffered, PriceNotFound.
    """
    versions = {item.plan: item.version_id for item in held}
    items: list[PricedItem] = []
    main: tuple[Plan, PlanVersion] | None = None
    for named, wanted in ((plan, quantity), *addons.items()):
        found = find_plan(session, named=named)
        kind = PlanKind.PLAN if main is None else PlanKind.ADDON
        is_twice = any(item.plan == found.code for item in items)
        if found.kind is not kind or is_twice or not (found.active or found.code in versions):
            raise _not_offered(found, kind)
        if found.code in versions:
            version = session.get_one(PlanVersion, versions[found.code])
        else:
            version = current_version(session, plan_id=found.id)
        items += _items(
            session, found, version, customer_id=customer_id, interval=interval, currency=currency, quantity=wanted
        )
        main = main or (found, version)
    assert main is not None  # noqa: S101 - the plan comes first
    return Offer(*main, interval, quantity, tuple(items))


def row_of(item: PricedItem, *, subscription_id: UUID, change_id: UUID | None = None) -> SubscriptionItem:
    """Return an item as a row that has not begun."""
    return SubscriptionItem(
        id=item.item_id,
        subscription_id=subscription_id,
        price_id=item.price_id,
        change_id=change_id,
        quantity=item.quantity,
    )


def _items(
    session: Session,
    plan: Plan,
    version: PlanVersion,
    *,
    customer_id: UUID,
    interval: PriceInterval,
    currency: str,
    quantity: int,
) -> list[PricedItem]:
    prices = price_for(session, version_id=version.id, interval=interval, currency=currency, customer_id=customer_id)
    # The tax would be added to a price that has it already. To be taken out again when invoices know prices with tax.
    if any(price.tax_behavior is TaxBehavior.INCLUSIVE for price in prices):
        detail = f"a price of the plan {plan.code} includes tax, which invoices cannot show yet"
        raise PlanNotOffered(detail, errors=[FieldFault("/plan", "not_offered", detail)])
    return [priced(new_id(), price, quantity=quantity, plan=plan) for price in prices]


def _not_offered(plan: Plan, kind: PlanKind) -> PlanNotOffered:
    pointer = "/plan" if kind is PlanKind.PLAN else "/addons"
    what = "subscribed to" if kind is PlanKind.PLAN else "added to a plan"
    detail = f"{plan.code} cannot be {what}; see GET /plans for what is offered"
    return PlanNotOffered(detail, errors=[FieldFault(pointer, "not_offered", detail)])
