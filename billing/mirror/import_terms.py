"""Rule and reading: whether a subscription at Stripe can go on here just as it is, and on which terms.

All that stands in the way is said at once. Who goes on must owe here what was owed there: another amount is refused, with the
command that agrees on it.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from billing.catalog.find import PriceNotFound, price_for
from billing.catalog.pricing import charge, terms_of
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.errors import Conflict
from billing.gateways.snapshots import SubscriptionItemSnapshot, SubscriptionSnapshot
from billing.mirror.plans import plan_item
from billing.mirror.state import IMPORT_KEY
from billing.subscriptions.create import require_no_other
from billing.subscriptions.prefixes import SUBSCRIPTION_PREFIX
from models.customer import Customer
from models.ids import public_id
from models.mirror import MirroredSubscription
from models.plan import Plan, PlanVersion
from models.price import Price, PriceInterval, TaxBehavior
from models.subscription import SubscriptionStatus

_GOING_ON = (SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE)
_LICENSED = "licensed"


class SubscriptionNotImportable(Conflict):
    """The subscription cannot go on here as it is; the detail names all that has to be changed first."""

    code = "subscription_not_importable"


class ImportTerms(NamedTuple):
    """What goes on here: so many of the plan's prices by the interval, from the end of what Stripe has billed."""

    plan_id: UUID
    plan_code: str
    version_id: UUID
    interval: PriceInterval
    currency: str
    quantity: int
    price_ids: tuple[UUID, ...]
    amount_minor: int
    starts_at: datetime


def import_terms(
    session: Session,
    *,
    mirror: MirroredSubscription,
    customer: Customer | None,
    subscription: SubscriptionSnapshot,
) -> ImportTerms:
    """Return the terms on which a mirrored subscription can go on here; the caller has just brought it to `subscription`.

    Customer and mirrored subscription are locked by the caller. Raises SubscriptionNotImportable, AlreadySubscribed.
    """
    if mirror.imported_as is not None:
        raise _refusal(mirror, [f"it goes on here already, as {public_id(SUBSCRIPTION_PREFIX, mirror.imported_as)}"])
    found = plan_item(session, subscription)
    faults = _faults(mirror, customer, subscription)
    if found.plan is None or mirror.plan_version_id is None:
        faults.append(f"no price of it names a plan: set billing_plan in the metadata of {found.item.price.id}")
    interval = mirror.interval
    if interval is None:
        recurring = found.item.price.recurring
        faults.append(f"it is billed every {recurring.interval_count} {recurring.interval}, which is no interval here")
    if customer is None or found.plan is None or mirror.plan_version_id is None or interval is None:
        raise _refusal(mirror, faults)
    require_no_other(session, customer_id=customer.id, plan=found.plan, but=mirror.id)
    prices, amount = _prices(
        session, mirror=mirror, customer=customer, plan=found.plan, item=found.item, interval=interval, faults=faults
    )
    if faults:
        raise _refusal(mirror, faults)
    return ImportTerms(
        plan_id=found.plan.id,
        plan_code=found.plan.code,
        version_id=mirror.plan_version_id,
        interval=interval,
        currency=mirror.currency,
        quantity=found.item.quantity or 1,
        price_ids=tuple(price.id for price in prices),
        amount_minor=amount,
        starts_at=mirror.current_period_end,
    )


def _faults(mirror: MirroredSubscription, customer: Customer | None, subscription: SubscriptionSnapshot) -> list[str]:
    faults = []
    if customer is None:
        faults.append(f"no customer here is {mirror.gateway_customer_id}: import the customer first")
    elif customer.gateway_id != mirror.gateway_customer_id:
        faults.append(
            f"{public_id(CUSTOMER_PREFIX, customer.id)} pays as {customer.gateway_id or 'nobody yet'} at Stripe, the "
            f"subscription is of {mirror.gateway_customer_id}, whose cards cannot be charged for another"
        )
    elif customer.test_clock_id is not None:
        faults.append("its customer lives on a test clock, and Stripe does not")
    if mirror.status not in _GOING_ON:
        faults.append(f"it is {mirror.gateway_status}: let it be paid, resumed or ended at Stripe first")
    if mirror.cancel_at_period_end and IMPORT_KEY not in mirror.metadata_:
        faults.append("it is about to end at Stripe; take that back there first, or let it end")
    if len(subscription.items) != 1:
        faults.append(f"it has {len(subscription.items)} items, and one can be taken over")
    if subscription.discounts:
        faults.append("it has a discount, which ends with the subscription at Stripe")
    return faults


def _prices(
    session: Session,
    *,
    mirror: MirroredSubscription,
    customer: Customer,
    plan: Plan,
    item: SubscriptionItemSnapshot,
    interval: PriceInterval,
    faults: list[str],
) -> tuple[list[Price], int]:
    """Return what the customer pays here, and how much that is; what differs from Stripe's is added to `faults`."""
    if mirror.plan_version_id is None or item.price.recurring.usage_type != _LICENSED or item.price.unit_amount is None:
        faults.append(f"{item.price.id} is no price by the unit, and can only be billed by Stripe")
        return [], 0
    owed_there = item.price.unit_amount * (item.quantity or 1)
    agree = (
        f"`billing catalog price-for {public_id(CUSTOMER_PREFIX, customer.id)} --plan {plan.code} "
        f"--version {session.get_one(PlanVersion, mirror.plan_version_id).number} --interval {interval} "
        f"--currency {mirror.currency} --scheme per_unit --amount {item.price.unit_amount}`"
    )
    try:
        prices = price_for(
            session,
            version_id=mirror.plan_version_id,
            interval=interval,
            currency=mirror.currency,
            customer_id=customer.id,
        )
    except PriceNotFound as error:
        faults.append(f"{error.detail}; agree on one with {agree}")
        return [], 0
    if any(price.tax_behavior is TaxBehavior.INCLUSIVE for price in prices):
        faults.append(f"a price of the plan {plan.code} includes tax, which invoices cannot show yet")
    owed_here = sum(charge(terms_of(price), item.quantity or 1).amount for price in prices if price.meter is None)
    if owed_here != owed_there:
        faults.append(
            f"Stripe bills {owed_there} minor units of {mirror.currency} a period, and the plan {plan.code} costs "
            f"{owed_here} here; agree on the same with {agree}"
        )
    return prices, owed_there


def _refusal(mirror: MirroredSubscription, faults: list[str]) -> SubscriptionNotImportable:
    return SubscriptionNotImportable(f"{mirror.gateway_id} cannot be imported: {'; '.join(faults)}")
