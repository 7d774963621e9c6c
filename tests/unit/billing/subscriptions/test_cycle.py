"""Periods: computed from the anchor, in UTC, half-open."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.subscriptions.cycle import Cycle, Period, cycle_from, whole_seconds
from models.price import PriceInterval

MONTH, QUARTER, YEAR, WEEK = PriceInterval.MONTH, PriceInterval.QUARTER, PriceInterval.YEAR, PriceInterval.WEEK


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def days(cycle: Cycle, *, count: int) -> list[str]:
    return [f"{cycle.boundary(number):%Y-%m-%d}" for number in range(count)]


def test_31_january_comes_back_after_short_months() -> None:
    cycle = cycle_from(at("2026-01-31"), interval=MONTH)

    assert days(cycle, count=6) == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30"]


def test_29_february_is_the_28th_in_common_years() -> None:
    cycle = cycle_from(at("2028-02-29"), interval=YEAR)

    assert days(cycle, count=5) == ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]


def test_a_quarter_is_three_months() -> None:
    assert days(cycle_from(at("2026-11-30"), interval=QUARTER), count=3) == ["2026-11-30", "2027-02-28", "2027-05-30"]


def test_a_week_is_seven_days() -> None:
    assert days(cycle_from(at("2026-12-28"), interval=WEEK), count=3) == ["2026-12-28", "2027-01-04", "2027-01-11"]


def test_days_on_which_clocks_change_are_as_long_as_others() -> None:
    cycle = cycle_from(at("2026-03-08T02:30:00"), interval=MONTH)  # 2:30 does not exist in New York on this day

    assert cycle.boundary(1) == at("2026-04-08T02:30:00")
    assert cycle.boundary(1) - cycle.boundary(0) == timedelta(days=31)


def test_an_end_belongs_to_the_next_period() -> None:
    period = cycle_from(at("2026-01-31"), interval=MONTH).period_at(at("2026-02-28"))

    assert period == Period(at("2026-02-28"), at("2026-03-31"))
    assert period.holds(at("2026-02-28"))
    assert not period.holds(at("2026-03-31"))


@pytest.mark.parametrize(
    ("start", "day", "anchor"),
    [
        ("2026-11-25", 15, "2026-12-15"),
        ("2026-11-25", 25, "2026-11-25"),
        ("2026-11-25", 31, "2026-11-30"),
        ("2026-02-28", 31, "2026-02-28"),
        ("2026-12-31", 1, "2027-01-01"),
        ("2026-01-30", 29, "2026-02-28"),
    ],
)
def test_a_moved_anchor_is_the_next_such_day(start: str, day: int, anchor: str) -> None:
    assert cycle_from(at(start), interval=MONTH, day=day).anchor == at(anchor)


def test_the_day_that_was_asked_for_is_kept_where_the_first_month_is_shorter() -> None:
    assert days(cycle_from(at("2026-02-10"), interval=MONTH, day=31), count=3) == [
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
    ]


def test_what_is_before_a_moved_anchor_is_a_part_of_the_period_that_ends_there() -> None:
    cycle = cycle_from(at("2026-11-25"), interval=MONTH, day=15)

    assert cycle.period_at(at("2026-11-25")) == Period(at("2026-11-15"), at("2026-12-15"))


def test_an_anchor_that_is_not_on_its_day_is_refused() -> None:
    with pytest.raises(ValueError, match="not on day 31"):
        Cycle(at("2026-01-30"), 31, MONTH)


def test_a_subscription_knows_whole_seconds() -> None:
    assert whole_seconds(datetime(2026, 1, 1, 0, 0, 0, 999_999, tzinfo=UTC)) == at("2026-01-01")


starts = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)).map(whole_seconds)  # noqa: DTZ001 - hypothesis adds the zone


@given(
    start=starts,
    interval=st.sampled_from(PriceInterval),
    day=st.none() | st.integers(1, 31),
    number=st.integers(-40, 400),
)
def test_periods_have_no_gap_and_no_overlap(
    start: datetime, interval: PriceInterval, day: int | None, number: int
) -> None:
    cycle = cycle_from(start, interval=interval, day=day)
    period = cycle.period(number)

    assert period.start < period.end == cycle.period(number + 1).start
    assert cycle.number_at(period.start) == number
    assert cycle.number_at(period.end - timedelta(seconds=1)) == number
    assert cycle.boundary(0) >= start
