"""What events cost: exact over a day, however it is cut into events."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.usage.rate import CreditRate, per_unit_text, rate_of, read_per_unit
from models.usage import CreditRounding
from tests.unit.billing.usage.meters import meter

R = CreditRounding
quantities = st.lists(
    st.decimals(min_value=0, max_value=10**15, places=9, allow_nan=False, allow_infinity=False), max_size=20
)
rates = st.builds(
    CreditRate, st.builds(Fraction, st.integers(1, 10**9), st.integers(1, 10**9)), st.sampled_from(CreditRounding)
)


@pytest.mark.parametrize(
    ("rounding", "quantity", "credits_"),
    [
        (R.DOWN, "0", 0), (R.DOWN, "999.999999999", 0), (R.DOWN, "1000", 1), (R.DOWN, "1999", 1),
        (R.HALF_UP, "499.999999999", 0), (R.HALF_UP, "500", 1), (R.HALF_UP, "1499", 1), (R.HALF_UP, "1500", 2),
        (R.UP, "0", 0), (R.UP, "0.000000001", 1), (R.UP, "1000", 1), (R.UP, "1000.5", 2),
    ],
)  # fmt: skip
def test_a_day_is_rounded_as_the_meter_says(rounding: CreditRounding, quantity: str, credits_: int) -> None:
    assert CreditRate(Fraction(1, 1000), rounding).credits(Fraction(quantity)) == credits_


def test_an_event_costs_what_it_adds_to_its_day() -> None:
    rate = CreditRate(Fraction(1, 1000), R.DOWN)

    assert list(rate.credits_of_each([Decimal(350), Decimal(700), Decimal(1)], before=Fraction(0))) == [0, 1, 0]
    assert list(rate.credits_of_each([Decimal(1)] * 3, before=Fraction(1998))) == [0, 1, 0]
    assert sum(rate.credits_of_each([Decimal(1)] * 1_000, before=Fraction(0))) == 1


def test_what_is_no_decimal_is_exact_too() -> None:
    assert sum(CreditRate(Fraction(1, 3), R.DOWN).credits_of_each([Decimal(1)] * 3, before=Fraction(0))) == 1
    assert (
        sum(CreditRate(Fraction(10**9, 7), R.DOWN).credits_of_each([Decimal("0.1")] * 70, before=Fraction(0))) == 10**9
    )


@given(rate=rates, events=quantities, before=st.integers(0, 10**15))
def test_all_events_together_cost_what_the_day_costs(rate: CreditRate, events: list[Decimal], before: int) -> None:
    costs = list(rate.credits_of_each(events, before=Fraction(before)))

    day = Fraction(before) + sum(map(Fraction, events))
    assert sum(costs) == rate.credits(day) - rate.credits(Fraction(before))
    assert all(0 <= cost <= rate.credits_max(event) for cost, event in zip(costs, events, strict=True))


@pytest.mark.parametrize("text", ["3", "1/1000", "999999999/7", "2/4"])
def test_a_rate_is_shown_as_it_was_given(text: str) -> None:
    counted = meter(per_unit=read_per_unit(text))

    assert per_unit_text(counted) == text
    assert rate_of(counted) == CreditRate(Fraction(text), R.DOWN)


def test_without_a_rate_nothing_is_charged() -> None:
    assert rate_of(meter()) is None
    assert per_unit_text(meter()) is None
