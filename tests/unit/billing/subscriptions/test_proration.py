"""Shares of a period, and what they cost."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.catalog.pricing import PriceTerms, charge
from billing.subscriptions.cycle import Period, cycle_from
from billing.subscriptions.proration import (
    EventDay,
    Granularity,
    OutsidePeriod,
    Policy,
    Prorated,
    Share,
    charge_for_rest,
    credit_for_rest,
    share_left,
)
from models.price import PriceInterval, PriceScheme

DAY = Policy(Granularity.DAY)
OLD_OWNS = Policy(Granularity.DAY, EventDay.OLD_PLAN)
THIRTY = Policy(Granularity.FIXED_30)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def period(start: str, end: str) -> Period:
    return Period(at(start), at(end))


DECEMBER = period("2026-12-01", "2027-01-01")


def flat(amount: str, currency: str = "USD") -> PriceTerms:
    return PriceTerms(scheme=PriceScheme.FLAT, currency=currency, unit_amount=Decimal(amount))


@pytest.mark.parametrize(
    ("policy", "change", "expected"),
    [
        (DAY, "2026-12-16T10:00:00", Share(16, 31)),
        (OLD_OWNS, "2026-12-16T10:00:00", Share(15, 31)),
        (THIRTY, "2026-12-16T10:00:00", Share(15, 30)),
        (DAY, "2026-12-01T00:00:00", Share(31, 31)),
        (OLD_OWNS, "2026-12-01T00:00:00", Share(31, 31)),
        (OLD_OWNS, "2026-12-01T00:00:01", Share(30, 31)),
        (DAY, "2026-12-31T23:59:59", Share(1, 31)),
        (OLD_OWNS, "2026-12-31T23:59:59", Share(0, 31)),
        (THIRTY, "2026-12-31T23:59:59", Share(1, 30)),
        (Policy(), "2026-12-16T00:00:00", Share(16 * 86_400, 31 * 86_400)),
        (Policy(), "2026-12-31T23:59:59", Share(1, 31 * 86_400)),
        (Policy(), "2027-01-01T00:00:00", Share(0, 31 * 86_400)),
    ],
)
def test_what_is_left_of_december(policy: Policy, change: str, expected: Share) -> None:
    assert share_left(DECEMBER, at=at(change), policy=policy) == expected


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-01-31", "2026-02-28"),
        ("2026-01-29", "2026-02-28"),
        ("2026-02-28", "2026-03-31"),
        ("2028-02-29", "2028-03-29"),
    ],
)
def test_a_month_of_thirty_days_has_thirty_days(start: str, end: str) -> None:
    assert share_left(period(start, end), at=at(start), policy=THIRTY) == Share(30, 30)


def test_a_year_of_thirty_day_months_has_360() -> None:
    assert share_left(period("2026-07-01", "2027-07-01"), at=at("2027-01-01"), policy=THIRTY) == Share(180, 360)


def test_a_change_in_the_second_of_the_start_is_all_of_the_period() -> None:
    late = at("2026-12-01").replace(microsecond=999_999)

    assert share_left(DECEMBER, at=late, policy=Policy()).fraction == 1


def test_a_change_outside_the_period_is_refused() -> None:
    with pytest.raises(OutsidePeriod):
        share_left(DECEMBER, at=at("2026-11-30"), policy=Policy())


def test_the_worked_example_of_the_manual() -> None:
    left = share_left(DECEMBER, at=at("2026-12-16T10:00:00"), policy=DAY)

    assert credit_for_rest(2900, paid_for=Share(31, 31), left=left, currency="USD") == Prorated(-1497, "-16/31 × 29.00")
    assert charge_for_rest(charge(flat("9900"), 1), left=left) == Prorated(5110, "16/31 × 99.00")


def test_what_was_paid_for_a_part_is_given_back_by_that_part() -> None:
    paid = credit_for_rest(6600, paid_for=Share(20, 30), left=Share(10, 30), currency="USD")

    assert paid == Prorated(-3300, "-10/20 × 66.00")


def test_a_price_of_several_terms_keeps_them_together() -> None:
    seats = PriceTerms(scheme=PriceScheme.PER_UNIT, currency="USD", unit_amount=Decimal(2900))

    assert charge_for_rest(charge(seats, 3), left=Share(1, 2)) == Prorated(4350, "1/2 × (3 × 29.00)")


@pytest.mark.parametrize(
    ("currency", "price", "expected"),
    [("JPY", "4500", Prorated(2323, "16/31 × 4500")), ("KWD", "9999", Prorated(5161, "16/31 × 9.999"))],
)
def test_currencies_without_and_with_three_decimals(currency: str, price: str, expected: Prorated) -> None:
    assert charge_for_rest(charge(flat(price, currency), 1), left=Share(16, 31)) == expected


def test_a_half_is_rounded_away_from_zero_on_both_sides() -> None:
    assert charge_for_rest(charge(flat("5"), 1), left=Share(1, 2)).amount_minor == 3
    assert credit_for_rest(5, paid_for=Share(2, 2), left=Share(1, 2), currency="USD").amount_minor == -3


policies = st.builds(Policy, st.sampled_from(Granularity), st.sampled_from(EventDay))


@given(
    price=st.integers(0, 10**9),
    policy=policies,
    start=st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
    interval=st.sampled_from(PriceInterval),
    moments=st.lists(st.floats(0, 1), min_size=1, max_size=6),
)
def test_a_chain_of_changes_adds_up(
    price: int, policy: Policy, start: datetime, interval: PriceInterval, moments: list[float]
) -> None:
    """The same plan again and again: what is charged and given back comes to the price, within half a unit for each line."""
    whole = cycle_from(start.replace(microsecond=0), interval=interval).period(0)
    terms, paid, paid_for, sum_, lines = flat(str(price)), price, Share(1, 1), price, 1
    for moment in sorted(moments):
        at_ = (whole.start + (whole.end - whole.start) * moment).replace(microsecond=0)
        left = share_left(whole, at=at_, policy=policy)
        back = credit_for_rest(paid, paid_for=paid_for, left=left, currency="USD")
        again = charge_for_rest(charge(terms, 1), left=left)
        sum_ += back.amount_minor + again.amount_minor
        paid, paid_for, lines = again.amount_minor, left, lines + 2
    assert abs(sum_ - price) <= Fraction(lines, 2)


@given(policy=policies, first=st.integers(0, 31 * 86_400), second=st.integers(0, 31 * 86_400))
def test_what_is_left_never_grows(policy: Policy, first: int, second: int) -> None:
    earlier, later = sorted((first, second))
    shares = [
        share_left(DECEMBER, at=DECEMBER.start + timedelta(seconds=moment), policy=policy)
        for moment in (earlier, later)
    ]

    assert 1 >= shares[0].fraction >= shares[1].fraction >= 0
