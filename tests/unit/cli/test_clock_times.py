"""How a time is written on the command line."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.clock_times import TimeNotUnderstood, months_later, read_instant, read_target

AT = datetime(2026, 1, 31, 8, tzinfo=UTC)
instants = st.datetimes(datetime(2000, 1, 1), datetime(2990, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001 - replaced at once


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T08:00:00Z", datetime(2026, 3, 1, 8, tzinfo=UTC)),
        ("2026-03-01T08:00", datetime(2026, 3, 1, 8, tzinfo=UTC)),
        ("2026-03-01T08:00:00+02:00", datetime(2026, 3, 1, 6, tzinfo=UTC)),
    ],
)
def test_an_instant_is_iso_8601_and_utc_where_it_says_nothing_else(text: str, instant: datetime) -> None:
    assert read_instant(text) == instant
    assert read_target(text, at=AT) == instant


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("+12h", AT + timedelta(hours=12)),
        ("+30d", AT + timedelta(days=30)),
        ("+2w", AT + timedelta(weeks=2)),
        ("+1m", datetime(2026, 2, 28, 8, tzinfo=UTC)),
        ("+2m", datetime(2026, 3, 31, 8, tzinfo=UTC)),
        ("+12m", datetime(2027, 1, 31, 8, tzinfo=UTC)),
        ("+1y", datetime(2027, 1, 31, 8, tzinfo=UTC)),
    ],
)
def test_a_span_begins_where_the_clock_is(text: str, target: datetime) -> None:
    assert read_target(text, at=AT) == target


def test_a_year_after_a_leap_day_is_the_last_of_february() -> None:
    assert read_target("+1y", at=datetime(2028, 2, 29, tzinfo=UTC)) == datetime(2029, 2, 28, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "30d", "+d", "+1", "+1x", "-1d", "+1.5d", "2026-13-01", "+99999d", "+9999y"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(TimeNotUnderstood):
        read_target(text, at=AT)


@given(at=instants, months=st.integers(min_value=0, max_value=100))
def test_months_later_is_in_that_month_and_never_past_the_day(at: datetime, months: int) -> None:
    later = months_later(at, months)

    assert (later.year * 12 + later.month) - (at.year * 12 + at.month) == months
    assert later.day == at.day or (later.day < at.day and (later + timedelta(days=1)).day == 1)
    assert later.timetz() == at.timetz()
