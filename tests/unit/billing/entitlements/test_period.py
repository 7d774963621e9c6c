from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.catalog.features import FeatureKind
from billing.entitlements.period import ALWAYS, month_of, period_start

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(datetime(2000, 1, 2), datetime(2200, 1, 1), timezones=ZONES)  # noqa: DTZ001 - the strategy adds zones


@pytest.mark.parametrize(
    ("now", "start", "end"),
    [
        ("2026-11-25T04:00:00+00:00", "2026-11-01", "2026-12-01"),
        ("2026-11-01T00:00:00+00:00", "2026-11-01", "2026-12-01"),
        ("2026-11-30T23:59:59.999999+00:00", "2026-11-01", "2026-12-01"),
        ("2026-12-01T00:00:00+00:00", "2026-12-01", "2027-01-01"),
        ("2028-02-29T12:00:00+00:00", "2028-02-01", "2028-03-01"),
        ("2026-12-31T23:30:00-01:00", "2027-01-01", "2027-02-01"),
        ("2026-12-01T00:30:00+01:00", "2026-11-01", "2026-12-01"),
    ],
)
def test_a_month_is_the_calendars_in_utc(now: str, start: str, end: str) -> None:
    month = month_of(datetime.fromisoformat(now))

    assert (month.start.date(), month.end.date()) == (date.fromisoformat(start), date.fromisoformat(end))
    assert month.start.tzinfo is month.end.tzinfo is UTC


@given(INSTANTS)
def test_months_are_half_open_and_leave_no_gap(now: datetime) -> None:
    month = month_of(now)

    assert month.start <= now < month.end
    assert month_of(month.end).start == month.end
    assert month_of(month.end - timedelta(microseconds=1)) == month
    assert month.start.day == month.end.day == 1
    assert month.end - month.start <= timedelta(days=31)


@pytest.mark.parametrize("kind", FeatureKind)
def test_only_what_is_counted_begins_anew(kind: FeatureKind) -> None:
    start = period_start(kind, now=datetime(2026, 11, 25, tzinfo=UTC))

    assert start == (date(2026, 11, 1) if kind is FeatureKind.COUNTED else ALWAYS)
