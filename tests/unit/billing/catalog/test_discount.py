"""What a coupon takes off each line."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.catalog.discount import DiscountTerms, discount, discount_terms_of
from models.coupon import Coupon
from models.money import round_half_away_from_zero


def percent(off: str) -> DiscountTerms:
    return DiscountTerms(percent_off=Decimal(off))


def amount(off: int) -> DiscountTerms:
    return DiscountTerms(amount_off_minor=off, currency="USD")


@pytest.mark.parametrize(
    ("terms", "lines", "shares"),
    [
        pytest.param(percent("10"), [2900], [290], id="ten_percent"),
        pytest.param(percent("10"), [3, 3, 4], [0, 0, 1], id="one_cent_goes_to_the_greatest_remainder"),
        pytest.param(percent("10"), [5], [1], id="half_a_cent_goes_up"),
        pytest.param(percent("12.5"), [1000, 1000], [125, 125], id="part_of_a_percent"),
        pytest.param(percent("33.33"), [100, 100, 100], [34, 33, 33], id="rounded_once_not_thrice"),
        pytest.param(percent("100"), [2900, 1], [2900, 1], id="all_of_it"),
        pytest.param(amount(500), [2900], [500], id="an_amount"),
        pytest.param(amount(500), [300, 100], [300, 100], id="never_more_than_there_is"),
        pytest.param(amount(1), [1, 1, 1], [1, 0, 0], id="the_earlier_line_gets_the_cent"),
        pytest.param(amount(100), [100, 200], [33, 67], id="by_the_amounts_of_the_lines"),
        pytest.param(percent("50"), [1000, -400], [500, 0], id="a_credit_gives_nothing"),
        pytest.param(amount(900), [1000, -400], [900, 0], id="and_does_not_make_the_others_smaller"),
        pytest.param(amount(500), [0, 0], [0, 0], id="free_lines"),
        pytest.param(percent("10"), [], [], id="no_lines"),
        pytest.param(percent("1"), [10], [0], id="less_than_half_a_cent"),
    ],
)
def test_what_comes_off_each_line(terms: DiscountTerms, lines: list[int], shares: list[int]) -> None:
    assert discount(terms, lines) == shares


PERCENTAGES = st.decimals(min_value="0.01", max_value=100, places=2).map(lambda off: DiscountTerms(percent_off=off))
TERMS = st.one_of(PERCENTAGES, st.integers(1, 10**12).map(amount))
LINES = st.lists(st.integers(-(10**9), 10**9), max_size=20)


@given(TERMS, LINES)
def test_no_line_gives_more_than_it_has(terms: DiscountTerms, lines: list[int]) -> None:
    shares = discount(terms, lines)

    assert len(shares) == len(lines)
    assert all(0 <= share <= max(line, 0) for share, line in zip(shares, lines, strict=True))


@given(TERMS, LINES)
def test_the_parts_sum_to_the_whole(terms: DiscountTerms, lines: list[int]) -> None:
    total = sum(max(line, 0) for line in lines)
    whole = (
        round_half_away_from_zero(total * Fraction(terms.percent_off) / 100)
        if terms.percent_off is not None
        else min(terms.amount_off_minor or 0, total)
    )

    assert sum(discount(terms, lines)) == whole


@pytest.mark.parametrize(
    "given_terms",
    [
        {},
        {"percent_off": Decimal(1), "amount_off_minor": 1, "currency": "USD"},
        {"amount_off_minor": 1},
        {"percent_off": Decimal(1), "currency": "USD"},
    ],
)
def test_a_discount_is_one_thing(given_terms: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"one of the two|beside its currency"):
        DiscountTerms(**given_terms)  # type: ignore[arg-type]


def test_terms_are_those_of_the_row() -> None:
    assert discount_terms_of(Coupon(percent_off=Decimal("12.50"))) == percent("12.5")
    assert discount_terms_of(Coupon(amount_off_minor=500, currency="USD")) == amount(500)
