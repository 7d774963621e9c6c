"""Rule: the period in which a use counts."""

from datetime import UTC, date, datetime
from typing import NamedTuple

from billing.catalog.features import FeatureKind

# What there may be at the same time is counted in one period, which began before any use and does not end.
ALWAYS = date(1970, 1, 1)
_MONTHS_IN_A_YEAR = 12


class Month(NamedTuple):
    """A calendar month in UTC, half-open: `[start, end)`."""

    start: datetime
    end: datetime


def month_of(now: datetime) -> Month:
    """Return the month in which `now` lies: 2026-12-31T23:30-01:00 is in January 2027."""
    in_utc = now.astimezone(UTC)
    start = datetime(in_utc.year, in_utc.month, 1, tzinfo=UTC)
    years, month = divmod(start.month, _MONTHS_IN_A_YEAR)
    return Month(start, start.replace(year=start.year + years, month=month + 1))


def period_start(kind: FeatureKind, *, now: datetime) -> date:
    """Return the first day of the period in which a use of this kind counts."""
    return month_of(now).start.date() if kind is FeatureKind.COUNTED else ALWAYS
