"""Numbers as they are written: exact, and never with an exponent."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.decimals import plain, plain_fraction


@pytest.mark.parametrize(
    ("number", "text"),
    [("2900.00000000", "2900"), ("0.25000000", "0.25"), ("1E+3", "1000"), ("0E-8", "0"), ("100", "100")],
)
def test_a_decimal_is_as_short_as_it_can_be(number: str, text: str) -> None:
    assert plain(Decimal(number)) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Fraction(0), "0"), (Fraction(3), "3"), (Fraction(5, 2), "2.5"), (Fraction(1, 8), "0.125"), (Fraction(1, 3), "1/3"),
        (Fraction(1, 500), "0.002"), (Fraction(16, 31), "16/31"), (Fraction(10**30 + 1, 10), f"{10**29}.1"),
    ],
)  # fmt: skip
def test_a_fraction_is_a_decimal_where_one_says_it(number: Fraction, text: str) -> None:
    assert plain_fraction(number) == text


@given(st.fractions(min_value=0))
def test_what_is_written_is_the_number(number: Fraction) -> None:
    assert Fraction(plain_fraction(number)) == number
