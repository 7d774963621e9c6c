"""How the books look."""

import pytest

from cli.simulate.books import Sum
from cli.simulate.report import bars, offers_of, percent, shown

PRICE = {
    "component": "base",
    "interval": "month",
    "currency": "USD",
    "scheme": "flat",
    "amount": 2_900,
    "meter": None,
    "tax_behavior": "exclusive",
}
PLAN = {"code": "pro", "kind": "plan", "active": True, "prices": [PRICE]}


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1_234_560, "USD", "12,345.60 USD"),
        (5, "USD", "0.05 USD"),
        (-5, "USD", "-0.05 USD"),
        (1_234, "JPY", "1,234 JPY"),
        (1_234, "KWD", "1.234 KWD"),
        (0, "EUR", "0.00 EUR"),
    ],
)
def test_amounts_are_in_major_units(amount: int, currency: str, text: str) -> None:
    assert shown(amount, currency) == text


def test_the_longest_bar_is_the_greatest_amount() -> None:
    sums = [Sum("2026-01", "USD", 1, 1_000), Sum("2026-02", "USD", 1, 500), Sum("2026-03", "USD", 0, 0)]

    assert bars(sums, full="#", width=4) == [
        ("2026-01", "####", "10.00 USD"),
        ("2026-02", "##", "5.00 USD"),
        ("2026-03", "", "0.00 USD"),
    ]
    assert bars([], full="#") == []


def test_shares_are_percent_or_a_dash() -> None:
    assert percent("0.1250") == "12.5 %"
    assert percent(None) == "-"


@pytest.mark.parametrize(
    "left_out",
    [
        {"kind": "add_on"},
        {"active": False},
        {"prices": []},
        {"prices": [{**PRICE, "interval": "week"}]},
        {"prices": [{**PRICE, "meter": "api.calls"}]},
        {"prices": [{**PRICE, "tax_behavior": "inclusive"}]},
        {"prices": [{**PRICE, "component": "seats"}]},
    ],
)
def test_only_what_anybody_can_subscribe_to_is_taken(left_out: dict[str, object]) -> None:
    assert offers_of([{**PLAN, **left_out}]) == []


def test_an_offer_knows_whether_it_is_free_and_whether_quantities_count() -> None:
    per_unit = {**PRICE, "scheme": "per_unit"}
    free = {**PRICE, "amount": 0}

    (offer,) = offers_of([PLAN])
    assert (offer.plan, offer.interval, offer.currency, offer.free, offer.per_unit) == (
        "pro",
        "month",
        "USD",
        False,
        False,
    )
    assert offers_of([{**PLAN, "prices": [per_unit, free]}]) == [
        offer._replace(per_unit=True),
        offer._replace(free=True),
    ]
