"""Reading plans, their versions, and what a version costs and holds."""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from sqlalchemy import Select, func, or_, select, tuple_
from sqlalchemy.orm import Session

from billing.catalog.representation import PLAN_PREFIX, plan_representation
from billing.errors import Invalid, NotFound
from models.ids import MalformedId, row_id
from models.plan import Plan, PlanFeature, PlanVersion
from models.price import BASE_COMPONENT, Price, PriceInterval

_INTERVALS = list(PriceInterval)


class PlanNotFound(NotFound):
    """There is no plan with this id or code."""

    code = "plan_not_found"


class PriceNotFound(Invalid):
    """The plan has no price for this interval in this currency; one that is agreed on has to be made for the customer."""

    code = "price_not_found"


def find_plan(session: Session, *, named: str) -> Plan:
    """Return the plan with this id or code, also one that is not offered any more. Raises PlanNotFound."""
    try:
        query = select(Plan).where(Plan.id == row_id(PLAN_PREFIX, named))
    except MalformedId:
        query = select(Plan).where(Plan.code == named)
    plan = session.scalar(query)
    if plan is None:
        raise PlanNotFound(f"there is no plan {named!r}")
    return plan


def offered_plans() -> Select[Plan]:
    """Return the query of the plans that are offered, add-ons too, in no order."""
    return select(Plan).where(Plan.active)


def current_version(session: Session, *, plan_id: UUID) -> PlanVersion:
    """Return the version of a plan that is sold now: the one with the greatest number."""
    return current_versions(session, plan_ids=[plan_id])[plan_id]


def current_versions(session: Session, *, plan_ids: Collection[UUID]) -> dict[UUID, PlanVersion]:
    """Return the current version of several plans, by plan; one query for all of them."""
    greatest = (
        select(PlanVersion.plan_id, func.max(PlanVersion.number))
        .where(PlanVersion.plan_id.in_(plan_ids))
        .group_by(PlanVersion.plan_id)
    )
    query = select(PlanVersion).where(tuple_(PlanVersion.plan_id, PlanVersion.number).in_(greatest))
    return {version.plan_id: version for version in session.scalars(query)}


def prices_of_each(session: Session, *, version_ids: Collection[UUID]) -> dict[UUID, list[Price]]:
    """Return the list prices of several versions, by version; one query for all of them.

    In the order of currencies, and then from the shortest interval to the longest, the base fee first.
    """
    found: dict[UUID, list[Price]] = {version_id: [] for version_id in version_ids}
    query = select(Price).where(Price.version_id.in_(version_ids), Price.customer_id.is_(None))
    for price in _in_order(session.scalars(query)):
        found[price.version_id].append(price)
    return found


def features_of_each(session: Session, *, version_ids: Collection[UUID]) -> dict[UUID, dict[str, PlanFeature]]:
    """Return what several versions hold, by version and the feature's name; one query for all of them."""
    found: dict[UUID, dict[str, PlanFeature]] = {version_id: {} for version_id in version_ids}
    for held in session.scalars(select(PlanFeature).where(PlanFeature.version_id.in_(version_ids))):
        found[held.version_id][held.feature] = held
    return found


def price_for(
    session: Session, *, version_id: UUID, interval: PriceInterval, currency: str, customer_id: UUID | None
) -> list[Price]:
    """Return what the customer pays for a version: one price of each component, the base fee first.

    The newest of the customer's own prices counts before the list price. Without a customer: the list prices.
    Raises PriceNotFound where there is no price for this interval and currency.
    """
    query = select(Price).where(
        Price.version_id == version_id,
        Price.interval == interval,
        Price.currency == currency,
        or_(Price.customer_id.is_(None), Price.customer_id == customer_id),
    )
    # What was made later takes the place of what was before; everybody's comes before anybody's own.
    oldest_first = sorted(
        session.scalars(query), key=lambda price: (price.customer_id is not None, price.created_at, price.id)
    )
    by_component = {price.component: price for price in oldest_first}
    if not by_component:
        plan = session.scalars(
            select(Plan).join(PlanVersion, PlanVersion.plan_id == Plan.id).where(PlanVersion.id == version_id)
        ).one()
        raise PriceNotFound(f"the plan {plan.code} has no price by the {interval} in {currency}")
    return _in_order(by_component.values())


def represented(session: Session, plans: Sequence[Plan], *, trial_days_default: int) -> list[dict[str, object]]:
    """Return plans as callers see them, in the order given; three queries, however many there are."""
    versions = current_versions(session, plan_ids=[plan.id for plan in plans])
    version_ids = [version.id for version in versions.values()]
    prices = prices_of_each(session, version_ids=version_ids)
    features = features_of_each(session, version_ids=version_ids)
    return [
        plan_representation(
            plan,
            version=versions[plan.id],
            prices=prices[versions[plan.id].id],
            features=features[versions[plan.id].id],
            trial_days_default=trial_days_default,
        )
        for plan in plans
    ]


def _in_order(prices: Iterable[Price]) -> list[Price]:
    return sorted(
        prices,
        key=lambda price: (
            price.currency,
            _INTERVALS.index(price.interval),
            price.component != BASE_COMPONENT,
            price.component,
        ),
    )
