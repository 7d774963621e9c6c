"""Versions, and the prices that a customer pays: reading them."""

from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from billing.catalog.find import (
    PriceNotFound,
    current_version,
    current_versions,
    features_of_each,
    find_plan,
    price_for,
    prices_of_each,
)
from billing.catalog.plan_of import held_plan
from billing.clock import utc_now
from models.ids import new_id, row_id
from models.plan import PlanFeature, PlanVersion
from models.price import Price, PriceInterval, PriceScheme, TaxBehavior
from tests.service.world import World

MONTH = PriceInterval.MONTH


@pytest.fixture
def session(world: World, kept_catalog: None) -> Iterator[Session]:
    """A session whose transactions the test commits."""
    with world.runtime.sessions() as opened:
        yield opened


def publish(session: Session, code: str, *prices: Price) -> PlanVersion:
    """Publish the next version of a plan, with these prices and a feature."""
    newest = current_version(session, plan_id=find_plan(session, named=code).id)
    version = PlanVersion(
        plan_id=newest.plan_id,
        number=newest.number + 1,
        credits_per_month=10,
        credits_unlimited=False,
        published_at=utc_now(),
    )
    session.add(version)
    session.flush()
    for price in prices:
        price.version_id = version.id
    session.add_all([*prices, PlanFeature(version_id=version.id, feature="users", limit_value=7, unlimited=False)])
    session.commit()
    return version


def price(
    amount: int,
    *,
    component: str = "base",
    interval: PriceInterval = MONTH,
    currency: str = "USD",
    customer: UUID | None = None,
) -> Price:
    return Price(
        id=new_id(),
        component=component,
        interval=interval,
        currency=currency,
        scheme=PriceScheme.FLAT,
        unit_amount=Decimal(amount),
        tax_behavior=TaxBehavior.EXCLUSIVE,
        customer_id=customer,
        created_at=utc_now(),
    )


def amounts(found: list[Price]) -> dict[str, int]:
    return {price.component: int(price.unit_amount or 0) for price in found}


def test_the_greatest_number_is_current_and_the_one_before_stays_as_it_was(world: World, session: Session) -> None:
    pro = find_plan(session, named="pro")
    before = current_version(session, plan_id=pro.id)
    prices_before = prices_of_each(session, version_ids=[before.id])[before.id]

    version = publish(session, "pro", price(3900))

    assert (before.number, version.number) == (1, 2)
    assert current_version(session, plan_id=pro.id) is version
    assert amounts(prices_of_each(session, version_ids=[version.id])[version.id]) == {"base": 3900}
    assert prices_of_each(session, version_ids=[before.id])[before.id] == prices_before
    assert set(features_of_each(session, version_ids=[version.id])[version.id]) == {"users"}
    shown = world.call("GET", "/plans/pro").json
    assert (shown["version"], shown["credits_per_month"]) == (2, 10)
    assert [one["amount"] for one in shown["prices"]] == [3900]
    assert world.call("GET", "/plans/team").json["version"] == 1


def test_the_current_versions_of_several_plans_are_one_query(session: Session) -> None:
    version = publish(session, "free")
    plans = [find_plan(session, named=code) for code in ("free", "pro")]

    found = current_versions(session, plan_ids=[plan.id for plan in plans])

    assert found[plans[0].id] is version
    assert found[plans[1].id].number == 1


def test_customers_without_a_subscription_are_served_by_what_free_is_now(world: World, session: Session) -> None:
    customer = world.customer()
    publish(session, "free")

    shown = world.call("GET", f"/customers/{customer}/entitlements").json["data"]

    assert {row["feature"]: row["limit"] for row in shown if row["limit"]} == {"users": 7}
    assert held_plan(session, customer_id=row_id("cus", customer), grace_days=3, now=utc_now()).plan.code == "free"


def test_each_component_has_its_price_the_base_fee_first(session: Session) -> None:
    version = publish(
        session,
        "pro",
        price(500, component="api_calls"),
        price(900, component="seats"),
        price(2900),
        price(29000, interval=PriceInterval.YEAR),
        price(2700, currency="EUR"),
    )

    found = price_for(session, version_id=version.id, interval=MONTH, currency="USD", customer_id=None)

    assert list(amounts(found).items()) == [("base", 2900), ("api_calls", 500), ("seats", 900)]


def test_a_customers_newest_price_counts_before_the_list_price(world: World, session: Session) -> None:
    mine, other = (row_id("cus", world.customer()) for _ in range(2))
    version = publish(session, "pro", price(2900), price(900, component="seats"))

    def paid(customer: UUID | None) -> dict[str, int]:
        found = price_for(session, version_id=version.id, interval=MONTH, currency="USD", customer_id=customer)
        return amounts(found)

    for amount in (2500, 2400):
        own = price(amount, customer=mine)
        own.version_id = version.id
        session.add(own)
        session.commit()

    assert paid(mine) == {"base": 2400, "seats": 900}
    assert paid(other) == paid(None) == {"base": 2900, "seats": 900}
    assert prices_of_each(session, version_ids=[version.id])[version.id] == price_for(
        session, version_id=version.id, interval=MONTH, currency="USD", customer_id=None
    )


@pytest.mark.parametrize(
    ("plan", "interval", "currency"),
    [("pro", PriceInterval.WEEK, "USD"), ("pro", MONTH, "EUR"), ("enterprise", MONTH, "USD")],
)
def test_where_there_is_no_price_all_that_was_asked_for_is_named(
    session: Session, plan: str, interval: PriceInterval, currency: str
) -> None:
    version = current_version(session, plan_id=find_plan(session, named=plan).id)

    with pytest.raises(PriceNotFound, match=f"the plan {plan} has no price by the {interval} in {currency}"):
        price_for(session, version_id=version.id, interval=interval, currency=currency, customer_id=None)
