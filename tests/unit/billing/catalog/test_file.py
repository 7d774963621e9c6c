"""Catalog files: what they say, what is wrong with them, and that what is written is what is read."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.catalog.allowance import Allowance
from billing.catalog.description import (
    CatalogDescription,
    CouponDescription,
    PlanDescription,
    PriceDescription,
    PriceKey,
    VersionDescription,
)
from billing.catalog.export import catalog_as_toml
from billing.catalog.file import CatalogFileInvalid, read_catalog
from billing.catalog.pricing import PriceTerms, Tier
from models.coupon import CouponDuration
from models.plan import PlanKind
from models.price import PriceInterval, PriceScheme, TaxBehavior
from tests.architecture.source_tree import ROOT

FULL = """
[[plans]]
code = "pro"
name = "Pro"
position = 2
trial_days = 14
credits_per_month = 1000
credits_roll_over_max = 500
[plans.features]
projects = 10
users = "unlimited"
support = "email"
[[plans.prices]]
interval = "month"
currency = "USD"
unit_amount = 2900
[[plans.prices]]
component = "api_calls"
interval = "month"
currency = "USD"
scheme = "graduated"
meter = "api_calls"
tax_behavior = "inclusive"
[[plans.prices.tiers]]
up_to = 1000
[[plans.prices.tiers]]
unit_amount = 0.25
flat_amount = 100

[[coupons]]
code = "SUMMER"
name = "Summer"
percent_off = 12.5
duration = "repeating"
duration_months = 3
redeem_by = 2026-09-30T00:00:00Z
"""


def test_a_file_says_plans_and_coupons() -> None:
    found = read_catalog(FULL)

    usd = PriceTerms(scheme=PriceScheme.FLAT, currency="USD", unit_amount=Decimal(2900))
    tiers = (Tier(1000, Decimal(0)), Tier(None, Decimal("0.25"), Decimal(100)))
    calls = PriceTerms(scheme=PriceScheme.GRADUATED, currency="USD", tiers=tiers)
    month = PriceInterval.MONTH
    assert found.plans["pro"] == PlanDescription(
        code="pro",
        name="Pro",
        description="",
        position=2,
        kind=PlanKind.PLAN,
        active=True,
        terms=VersionDescription(
            trial_days=14,
            credits_per_month=1000,
            credits_roll_over_max=500,
            features={
                "projects": Allowance(10, False, None),
                "users": Allowance(None, True, None),
                "support": Allowance(None, False, "email"),
            },
            prices={
                PriceKey("USD", month, "base"): PriceDescription(
                    terms=usd, meter=None, tax_behavior=TaxBehavior.EXCLUSIVE
                ),
                PriceKey("USD", month, "api_calls"): PriceDescription(
                    terms=calls, meter="api_calls", tax_behavior=TaxBehavior.INCLUSIVE
                ),
            },
        ),
    )
    coupon = found.coupons["SUMMER"]
    assert (coupon.percent_off, coupon.duration, coupon.duration_months) == (Decimal("12.5"), "repeating", 3)
    assert (coupon.redeem_by, coupon.active) == (datetime(2026, 9, 30, tzinfo=UTC), True)


PLAN = '[[plans]]\ncode = "pro"\nname = "Pro"\nposition = 1\n'
COUNTED = f"{PLAN}credits_per_month = 1\n"
PRICE = f'{COUNTED}[[plans.prices]]\ninterval = "month"\ncurrency = "USD"\n'
COUPON = '[[coupons]]\ncode = "TEN"\nname = "Ten"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plans = 1", "plans: "),
        ("[[plan]]", "plan: Extra inputs"),
        ("plans = [", "this is no TOML"),
        ('[[plans]]\nname = "Pro"\nposition = 1\ncredits_per_month = 1', "plan 1, code: Field required"),
        (PLAN, "plan pro: takes credits_per_month, or credits_unlimited"),
        (f"{COUNTED}credits_unlimited = true", "one of the two"),
        (f"{PLAN}credits_unlimited = true\ncredits_roll_over_max = 5", "credits_roll_over_max"),
        (f"{COUNTED}credits_roll_over_max = 0", "plan pro, credits_roll_over_max: "),
        (f"{COUNTED}trial = 5", "plan pro, trial: Extra inputs"),
        (f"{COUNTED}trial_days = -1", "plan pro, trial_days: "),
        (f'{COUNTED}trial_days = "14"', "plan pro, trial_days: "),
        (f'{COUNTED}kind = "gift"', "plan pro, kind: "),
        (COUNTED + COUNTED, "two entries of the plan pro"),
        (f"{COUNTED}[plans.features]\ngpus = 1", "plan pro: features: there is no feature 'gpus'"),
        (f"{COUNTED}[plans.features]\nprojects = -1", "plan pro: features.projects takes a number"),
        (f'{COUNTED}[plans.features]\nprojects = "many"', "plan pro: features.projects takes a number"),
        (f"{COUNTED}[plans.features]\nsupport = 5", "plan pro: features.support takes a text"),
        (PRICE, "plan pro, prices[0]: unit_amount is missing"),
        (f'{PRICE}unit_amount = "2900"', "plan pro, prices[0].unit_amount: takes a number"),
        (f"{PRICE}unit_amount = nan", "plan pro, prices[0].unit_amount: "),
        (f"{PRICE}unit_amount = 0.000000001", "at most 8 decimals"),
        (f'{PRICE}unit_amount = 1\nmeter = "tokens"', "a flat price knows no quantity"),
        (f'{PRICE}unit_amount = 1\nscheme = "auction"', "plan pro, prices[0].scheme: "),
        (f'{PRICE}scheme = "volume"\n[[plans.prices.tiers]]\nup_to = 5', "plan pro, prices[0]: the last tier is open"),
        (f'{PRICE}scheme = "volume"\n[[plans.prices.tiers]]\nup_to = 0', "plan pro, prices[0].tiers[0].up_to: "),
        (f"{PRICE}unit_amount = 1\n{PRICE.removeprefix(COUNTED)}unit_amount = 2", "the price base USD by the month"),
        (PRICE.replace("USD", "usd"), "plan pro, prices[0].currency: "),
        (PRICE.replace("USD", "XXX"), "plan pro, prices[0].currency: 'XXX' is not an ISO 4217"),
        (COUPON, "coupon TEN: a discount is a percentage or an amount"),
        (f"{COUPON}percent_off = 100.5", "coupon TEN, percent_off: "),
        (f"{COUPON}percent_off = 0.001", "coupon TEN, percent_off: "),
        (f"{COUPON}amount_off = 500", "coupon TEN: an amount stands beside its currency"),
        (f'{COUPON}percent_off = 10\nduration = "repeating"', "coupon TEN: duration_months"),
        (f"{COUPON}percent_off = 10\nredeem_by = 2026-09-30T00:00:00", "coupon TEN, redeem_by: "),
        (COUPON.replace("TEN", "coupon_1"), "coupon coupon_1, code: "),
    ],
)
def test_what_is_wrong_is_named_by_plan_and_field(text: str, said: str) -> None:
    with pytest.raises(CatalogFileInvalid) as refused:
        read_catalog(text)

    assert said in refused.value.detail


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(CatalogFileInvalid) as refused:
        read_catalog(f'{COUNTED}trial_days = -1\nkind = "gift"\n{COUPON}')

    assert [fault.pointer for fault in refused.value.errors] == ["/plans/0/kind", "/plans/0/trial_days", "/coupons/0"]


AMOUNTS = st.decimals(min_value=0, max_value=10**6, places=8)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
CODES = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)


@st.composite
def price_entries(draw: st.DrawFn) -> tuple[PriceKey, PriceDescription]:
    scheme = draw(st.sampled_from(PriceScheme))
    shape: dict[str, Any] = {"unit_amount": draw(AMOUNTS)}
    if scheme in (PriceScheme.GRADUATED, PriceScheme.VOLUME):
        bounds = sorted(draw(st.sets(st.integers(1, 100), max_size=3)))
        shape = {"tiers": tuple(Tier(bound, draw(AMOUNTS), draw(AMOUNTS)) for bound in (*bounds, None))}
    if scheme is PriceScheme.PACKAGE:
        shape["package_size"] = draw(st.integers(1, 100))
    currency = draw(st.sampled_from(["USD", "JPY", "KWD"]))
    key = PriceKey(currency, draw(st.sampled_from(PriceInterval)), draw(st.sampled_from(["base", "seats", "calls"])))
    return key, PriceDescription(
        terms=PriceTerms(scheme=scheme, currency=currency, **shape),
        meter=None if scheme is PriceScheme.FLAT else draw(st.sampled_from([None, "tokens"])),
        tax_behavior=draw(st.sampled_from(TaxBehavior)),
    )


@st.composite
def plans(draw: st.DrawFn) -> PlanDescription:
    credits_ = draw(st.none() | st.integers(0, 10**6))
    limits = st.one_of(
        st.integers(0, 10**18).map(lambda limit: Allowance(limit, False, None)), st.just(Allowance(None, True, None))
    )
    features = draw(st.dictionaries(st.sampled_from(["projects", "users", "storage"]), limits))
    return PlanDescription(
        code=draw(CODES),
        name=draw(NAMES),
        description=draw(NAMES | st.just("")),
        position=draw(st.integers(0, 99)),
        kind=draw(st.sampled_from(PlanKind)),
        active=draw(st.booleans()),
        terms=VersionDescription(
            trial_days=draw(st.none() | st.integers(0, 365)),
            credits_per_month=credits_,
            credits_roll_over_max=None if credits_ is None else draw(st.none() | st.integers(1, 10**6)),
            prices=dict(draw(st.lists(price_entries(), max_size=4))),
            features={**features, "support": Allowance(None, False, draw(NAMES))},
        ),
    )


@st.composite
def coupons(draw: st.DrawFn) -> CouponDescription:
    percent = draw(st.none() | st.decimals(min_value="0.01", max_value=100, places=2))
    duration = draw(st.sampled_from(CouponDuration))
    return CouponDescription(
        code=draw(CODES),
        name=draw(NAMES),
        percent_off=percent,
        amount_off_minor=draw(st.integers(1, 10**6)) if percent is None else None,
        currency="USD" if percent is None else None,
        duration=duration,
        duration_months=draw(st.integers(1, 36)) if duration is CouponDuration.REPEATING else None,
        redemptions_max=draw(st.none() | st.integers(1, 100)),
        redeem_by=draw(st.none() | st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1))),  # noqa: DTZ001 - of UTC
        active=draw(st.booleans()),
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(plans(), max_size=3), st.lists(coupons(), max_size=2))
def test_what_is_written_is_read_again(found: list[PlanDescription], coupons_: list[CouponDescription]) -> None:
    catalog = CatalogDescription(
        plans={plan.code: plan for plan in found}, coupons={coupon.code: coupon for coupon in coupons_}
    )

    assert read_catalog(catalog_as_toml(catalog)) == catalog


def test_the_file_of_the_guide_is_read() -> None:
    guide = (ROOT / "docs" / "how-to" / "change-prices.md").read_text(encoding="utf-8")

    found = read_catalog(guide.partition("```toml\n")[2].partition("```")[0])

    assert set(found.plans["pro"].terms.prices) == {
        PriceKey("USD", PriceInterval.MONTH, component) for component in ("base", "seats", "api_calls")
    }
    assert found.coupons["SUMMER"].percent_off == Decimal(25)
