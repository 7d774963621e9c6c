from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.money import CurrencyMismatch, Money, UnknownCurrency, minor_unit_exponent, round_half_away_from_zero

AMOUNTS = st.integers(-(10**15), 10**15)
WEIGHTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=20).filter(lambda weights: sum(weights) > 0)
QUICK = settings(deadline=None, max_examples=100)


@pytest.mark.parametrize(("currency", "exponent"), [("JPY", 0), ("USD", 2), ("EUR", 2), ("KWD", 3), ("BHD", 3)])
def test_minor_units_are_those_of_iso_4217(currency: str, exponent: int) -> None:
    assert minor_unit_exponent(currency) == exponent


@pytest.mark.parametrize("text", ["", "usd", "US", "USDX", "XXX", "XAU", "ZZZ", "840", "US\x00", "\uff35\uff33\uff24"])
def test_what_is_no_currency_with_minor_units_is_refused(text: str) -> None:
    with pytest.raises(UnknownCurrency):
        Money(1, text)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (Fraction(5, 2), 3),
        (Fraction(-5, 2), -3),
        (Fraction(1, 2), 1),
        (Fraction(-1, 2), -1),
        (Fraction(249, 100), 2),
        (Fraction(-251, 100), -3),
        (Fraction(0), 0),
        (Fraction(10**30 + 1, 2), (10**30 + 2) // 2),
    ],
)
def test_a_half_goes_away_from_zero(value: Fraction, rounded: int) -> None:
    assert round_half_away_from_zero(value) == rounded


@QUICK
@given(st.fractions())
def test_rounding_is_never_off_by_more_than_a_half_and_treats_both_signs_alike(value: Fraction) -> None:
    rounded = round_half_away_from_zero(value)

    assert abs(value - rounded) <= Fraction(1, 2)
    assert round_half_away_from_zero(-value) == -rounded


@QUICK
@given(AMOUNTS, WEIGHTS)
def test_the_parts_of_a_split_sum_to_the_whole_and_are_off_by_less_than_one(amount: int, weights: list[int]) -> None:
    parts = Money(amount, "EUR").split(weights)

    assert sum(part.amount_minor for part in parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part.amount_minor - Fraction(amount * weight, sum(weights))) < 1
        assert weight > 0 or part.amount_minor == 0


def test_the_unit_that_is_left_over_goes_to_the_largest_remainder_and_among_equals_to_the_earlier() -> None:
    assert [part.amount_minor for part in Money(100, "USD").split([1, 1, 1])] == [34, 33, 33]
    assert [part.amount_minor for part in Money(-100, "USD").split([1, 1, 1])] == [-34, -33, -33]
    assert [part.amount_minor for part in Money(10, "USD").split([1, 2, 3])] == [2, 3, 5]


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [1, -1], [2, -1]])
def test_weights_that_say_nothing_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        Money(100, "USD").split(weights)


@QUICK
@given(AMOUNTS, AMOUNTS)
def test_sums_and_differences_undo_each_other(first: int, second: int) -> None:
    one, other = Money(first, "USD"), Money(second, "USD")

    assert (one + other) - other == one
    assert one + -one == Money(0, "USD")


def test_currencies_do_not_mix() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(1, "USD") + Money(1, "EUR")


def test_a_ratio_is_rounded_once() -> None:
    assert Money(1999, "USD").times(Fraction(1, 3)) == Money(666, "USD")
    assert Money(5, "USD").times(Fraction(1, 2)) == Money(3, "USD")
    assert Money(-5, "USD").times(Fraction(1, 2)) == Money(-3, "USD")
