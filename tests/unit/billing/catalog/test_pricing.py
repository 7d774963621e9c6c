"""What quantities cost: named cases with their formulas, and what holds for all of them."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.catalog.pricing import (
    PriceTerms,
    PriceTermsBroken,
    Quantity,
    Tier,
    charge,
    terms_of,
    tiers_as_rows,
)
from models.money import UnknownCurrency, round_half_away_from_zero
from models.price import Price, PriceScheme

S = PriceScheme
D = Decimal


def terms(scheme: PriceScheme, amount: str | None = None, currency: str = "USD", **more: Any) -> PriceTerms:
    return PriceTerms(scheme=scheme, currency=currency, unit_amount=None if amount is None else D(amount), **more)


def tiers(*found: tuple[int | None, str] | tuple[int | None, str, str]) -> tuple[Tier, ...]:
    return tuple(Tier(up_to, *(D(amount) for amount in amounts)) for up_to, *amounts in found)


SEATS = tiers((10, "100"), (None, "80"))
WITH_FLAT = tiers((10, "100", "500"), (20, "80"), (None, "0", "2000"))


@pytest.mark.parametrize(
    ("price", "quantity", "amount", "formula"),
    [
        pytest.param(terms(S.FLAT, "2900"), 1, 2900, "29.00", id="flat"),
        pytest.param(terms(S.FLAT, "2900"), 0, 2900, "29.00", id="flat_knows_no_quantity"),
        pytest.param(terms(S.FLAT, "0"), 3, 0, "0.00", id="flat_and_free"),
        pytest.param(terms(S.PER_UNIT, "2900"), 3, 8700, "3 × 29.00", id="seats"),
        pytest.param(terms(S.PER_UNIT, "2900"), 0, 0, "0 × 29.00", id="no_seat"),
        pytest.param(terms(S.PER_UNIT, "0.25"), 7, Fraction(7, 4), "7 × 0.0025", id="below_a_cent"),
        pytest.param(terms(S.PER_UNIT, "0.00000001"), 1, Fraction(1, 10**8), "1 × 0.0000000001", id="smallest"),
        pytest.param(terms(S.PER_UNIT, "200"), D("2.5"), 500, "2.5 × 2.00", id="part_of_a_unit"),
        pytest.param(terms(S.PER_UNIT, "300"), Fraction(1, 3), 100, "1/3 × 3.00", id="a_third_of_a_unit"),
        pytest.param(terms(S.PER_UNIT, "980", "JPY"), 2, 1960, "2 × 980", id="yen_have_no_decimals"),
        pytest.param(terms(S.PER_UNIT, "0.5", "JPY"), 3, Fraction(3, 2), "3 × 0.5", id="half_a_yen"),
        pytest.param(terms(S.PER_UNIT, "1500", "KWD"), 2, 3000, "2 × 1.500", id="dinars_have_three"),
        pytest.param(terms(S.PACKAGE, "500", package_size=100), 101, 1000, "2 packages of 100 × 5.00", id="two_packages"),
        pytest.param(terms(S.PACKAGE, "500", package_size=100), 100, 500, "1 package of 100 × 5.00", id="one_package"),
        pytest.param(terms(S.PACKAGE, "500", package_size=100), 0, 0, "0 packages of 100 × 5.00", id="no_package"),
        pytest.param(
            terms(S.PACKAGE, "500", package_size=100), D("100.000000001"), 1000, "2 packages of 100 × 5.00", id="begun"
        ),
        pytest.param(terms(S.GRADUATED, tiers=SEATS), 15, 1400, "10 × 1.00 + 5 × 0.80", id="two_tiers"),
        pytest.param(terms(S.GRADUATED, tiers=SEATS), 10, 1000, "10 × 1.00", id="up_to_is_in_the_tier"),
        pytest.param(terms(S.GRADUATED, tiers=SEATS), 0, 0, "0 × 1.00", id="nothing_in_the_first_tier"),
        pytest.param(terms(S.GRADUATED, tiers=SEATS), D("10.5"), 1040, "10 × 1.00 + 0.5 × 0.80", id="part_in_the_second"),
        pytest.param(terms(S.GRADUATED, tiers=WITH_FLAT), 0, 0, "0 × 1.00", id="no_unit_no_flat_amount"),
        pytest.param(terms(S.GRADUATED, tiers=WITH_FLAT), 1, 600, "1 × 1.00 + 5.00", id="flat_amount_of_a_tier"),
        pytest.param(
            terms(S.GRADUATED, tiers=WITH_FLAT),
            21,
            1000 + 500 + 800 + 2000,
            "10 × 1.00 + 5.00 + 10 × 0.80 + 1 × 0.00 + 20.00",
            id="three_tiers",
        ),
        pytest.param(terms(S.VOLUME, tiers=SEATS), 10, 1000, "10 × 1.00", id="volume_in_the_first"),
        pytest.param(terms(S.VOLUME, tiers=SEATS), 11, 880, "11 × 0.80", id="volume_in_the_second_costs_less"),
        pytest.param(terms(S.VOLUME, tiers=SEATS), D("10.1"), 808, "10.1 × 0.80", id="volume_just_above"),
        pytest.param(terms(S.VOLUME, tiers=WITH_FLAT), 500, 2000, "500 × 0.00 + 20.00", id="volume_flat"),
        pytest.param(terms(S.VOLUME, tiers=SEATS), 0, 0, "0 × 1.00", id="no_volume"),
    ],
)  # fmt: skip
def test_what_a_quantity_costs(price: PriceTerms, quantity: Quantity, amount: Fraction, formula: str) -> None:
    assert charge(price, quantity) == (amount, formula)


def test_nothing_is_rounded_before_the_line_is() -> None:
    each = charge(terms(S.PER_UNIT, "0.5"), 1).amount

    assert round_half_away_from_zero(each * 3) == 2
    assert round_half_away_from_zero(each) * 3 == 3


@pytest.mark.parametrize("scheme", list(S))
def test_a_quantity_is_not_negative(scheme: PriceScheme) -> None:
    price = {
        S.PACKAGE: terms(S.PACKAGE, "1", package_size=2),
        S.GRADUATED: terms(S.GRADUATED, tiers=SEATS),
        S.VOLUME: terms(S.VOLUME, tiers=SEATS),
    }.get(scheme) or terms(scheme, "1")

    with pytest.raises(ValueError, match="not negative"):
        charge(price, -1)


@pytest.mark.parametrize(
    ("scheme", "given_terms", "why"),
    [
        (S.FLAT, {}, "unit_amount is missing"),
        (S.FLAT, {"unit_amount": D(-1)}, "takes 0 to"),
        (S.FLAT, {"unit_amount": D("NaN")}, "takes 0 to"),
        (S.FLAT, {"unit_amount": D("Infinity")}, "takes 0 to"),
        (S.FLAT, {"unit_amount": D(10**12)}, "takes 0 to"),
        (S.PER_UNIT, {"unit_amount": D("0.000000001")}, "at most 8 decimals"),
        (S.FLAT, {"unit_amount": D(1), "package_size": 2}, "has no package_size"),
        (S.PACKAGE, {"unit_amount": D(1)}, "package_size"),
        (S.PACKAGE, {"unit_amount": D(1), "package_size": 0}, "package_size"),
        (S.FLAT, {"unit_amount": D(1), "tiers": SEATS}, "has no tiers"),
        (S.VOLUME, {"unit_amount": D(1), "tiers": SEATS}, "those of its tiers"),
        (S.VOLUME, {}, "takes 1 to 100 tiers"),
        (S.GRADUATED, {"tiers": tiers((10, "1"))}, "the last tier is open"),
        (S.GRADUATED, {"tiers": tiers((None, "1"), (None, "1"))}, "reaches further"),
        (S.GRADUATED, {"tiers": tiers((10, "1"), (10, "1"), (None, "1"))}, "up_to above 10"),
        (S.GRADUATED, {"tiers": tiers((0, "1"), (None, "1"))}, "up_to above 0"),
        (S.GRADUATED, {"tiers": tiers((10, "-1"), (None, "1"))}, "takes 0 to"),
        (S.GRADUATED, {"tiers": tiers((None, "1", "-1"))}, "flat_amount"),
    ],
)
def test_terms_that_do_not_fit_are_refused(scheme: PriceScheme, given_terms: dict[str, Any], why: str) -> None:
    with pytest.raises(PriceTermsBroken, match=why):
        PriceTerms(scheme=scheme, currency="USD", **given_terms)


def test_the_currency_is_one_with_minor_units() -> None:
    with pytest.raises(UnknownCurrency):
        terms(S.FLAT, "1", "XXX")


AMOUNTS = st.decimals(min_value=0, max_value=10**6, places=8)
QUANTITIES = st.one_of(
    st.integers(0, 10**9),
    st.decimals(min_value=0, max_value=10**6, places=9),
    st.fractions(min_value=0, max_value=10**6),
)


@st.composite
def tier_lists(draw: st.DrawFn, *, flat: bool = True) -> tuple[Tier, ...]:
    bounds = sorted(draw(st.sets(st.integers(1, 1_000), max_size=6)))
    flats = AMOUNTS if flat else st.just(D(0))
    return tuple(Tier(bound, draw(AMOUNTS), draw(flats)) for bound in (*bounds, None))


@st.composite
def any_terms(draw: st.DrawFn) -> PriceTerms:
    scheme = draw(st.sampled_from(S))
    currency = draw(st.sampled_from(["USD", "JPY", "KWD"]))
    if scheme in (S.GRADUATED, S.VOLUME):
        return PriceTerms(scheme=scheme, currency=currency, tiers=draw(tier_lists()))
    size = draw(st.integers(1, 1_000)) if scheme is S.PACKAGE else None
    return PriceTerms(scheme=scheme, currency=currency, unit_amount=draw(AMOUNTS), package_size=size)


def value_of(formula: str, exponent: int) -> Fraction:
    """Return what a formula says, in minor units."""
    total = Fraction(0)
    for summand in formula.split(" + "):
        count, _, each = summand.rpartition(" × ")
        total += Fraction(each) * (Fraction(count.split()[0]) if count else 1)
    return total * Fraction(10) ** exponent


@given(any_terms(), QUANTITIES)
def test_the_formula_says_the_amount(price: PriceTerms, quantity: Quantity) -> None:
    found = charge(price, quantity)

    assert value_of(found.formula, {"USD": 2, "JPY": 0, "KWD": 3}[price.currency]) == found.amount


@given(any_terms().filter(lambda price: price.scheme is not S.VOLUME), QUANTITIES, QUANTITIES)
def test_more_never_costs_less_unless_by_volume(price: PriceTerms, first: Quantity, second: Quantity) -> None:
    less, more = sorted((Fraction(first), Fraction(second)))

    assert 0 <= charge(price, less).amount <= charge(price, more).amount


@given(tier_lists(), QUANTITIES)
def test_graduated_tiers_are_summed_one_by_one(found: tuple[Tier, ...], quantity: Quantity) -> None:
    exact, below, total = Fraction(quantity), Fraction(0), Fraction(0)
    for tier in found:
        inside = max(min(exact, Fraction(tier.up_to) if tier.up_to else exact) - below, Fraction(0))
        total += inside * Fraction(tier.unit_amount) + (Fraction(tier.flat_amount) if inside else 0)
        below = Fraction(tier.up_to or 0)

    assert charge(terms(S.GRADUATED, tiers=found), quantity).amount == total


@given(tier_lists(flat=False), QUANTITIES, st.integers(1, 10**9))
def test_a_graduated_price_does_not_jump(found: tuple[Tier, ...], quantity: Quantity, parts: int) -> None:
    """Without flat amounts a little more costs at most as much more as the dearest tier says, across tiers too."""
    price, step = terms(S.GRADUATED, tiers=found), Fraction(1, parts)

    growth = charge(price, Fraction(quantity) + step).amount - charge(price, quantity).amount

    assert growth <= step * max(Fraction(tier.unit_amount) for tier in found)


@given(st.sampled_from([S.GRADUATED, S.VOLUME]), AMOUNTS, QUANTITIES)
def test_a_single_tier_is_a_price_per_unit(scheme: PriceScheme, amount: Decimal, quantity: Quantity) -> None:
    tiered = PriceTerms(scheme=scheme, currency="USD", tiers=(Tier(None, amount),))

    assert charge(tiered, quantity) == charge(terms(S.PER_UNIT, str(amount)), quantity)


@given(tier_lists(), st.integers(0, 2_000))
def test_by_volume_every_unit_has_the_price_of_one_tier(found: tuple[Tier, ...], quantity: int) -> None:
    tier = next(tier for tier in found if tier.up_to is None or tier.up_to >= quantity)
    expected = quantity * Fraction(tier.unit_amount) + (Fraction(tier.flat_amount) if quantity else 0)

    assert charge(terms(S.VOLUME, tiers=found), quantity).amount == expected


@given(AMOUNTS, st.integers(1, 1_000), QUANTITIES)
def test_packages_hold_the_quantity_and_none_is_empty(amount: Decimal, size: int, quantity: Quantity) -> None:
    paid = charge(terms(S.PACKAGE, str(amount), package_size=size), quantity).amount
    packages = paid / Fraction(amount) if amount else None

    assert packages is None or (packages.denominator == 1 and 0 <= packages * size - Fraction(quantity) < size)


@given(any_terms())
def test_terms_survive_the_row(price: PriceTerms) -> None:
    row = Price(
        scheme=price.scheme,
        currency=price.currency,
        unit_amount=price.unit_amount,
        package_size=price.package_size,
        tiers=tiers_as_rows(price.tiers),
    )

    assert terms_of(row) == price


def test_a_row_with_a_broken_tier_is_refused() -> None:
    with pytest.raises(PriceTermsBroken, match="up_to"):
        terms_of(Price(scheme=S.VOLUME, currency="USD", tiers=[{"up_to": "10", "unit_amount": "1"}]))
