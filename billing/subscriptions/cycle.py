"""Rule: when the periods of a subscription begin and end.

Each boundary is computed from the anchor, never from the boundary before it: 31 January, 28 February, 31 March. Times are in
UTC, so that no period is an hour longer than another where clocks are put back.
"""

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from models.price import PriceInterval

_MONTHS_IN_A_YEAR = 12
_MONTHS = {PriceInterval.MONTH: 1, PriceInterval.QUARTER: 3, PriceInterval.YEAR: 12}
_WEEK = timedelta(days=7)
DAY_MAX = 31


class Period(NamedTuple):
    """A time that is paid for, half-open: `[start, end)`, in UTC."""

    start: datetime
    end: datetime

    def holds(self, at: datetime) -> bool:
        """Return whether `at` lies in the period."""
        return self.start <= at < self.end


@dataclass(frozen=True, slots=True)
class Cycle:
    """The periods of one subscription.

    `anchor` is the boundary with number 0. `day` (1 to 31) is the day of the month that boundaries fall on, or the last one of a
    shorter month; for weeks it does not count. A subscription that began on 28 February may have the day 31.
    """

    anchor: datetime
    day: int
    interval: PriceInterval

    def __post_init__(self) -> None:
        if self.interval in _MONTHS and self.anchor.day != _clamped(self.anchor.year, self.anchor.month, self.day):
            raise ValueError(f"an anchor on {self.anchor:%Y-%m-%d} is not on day {self.day} of its month")

    def boundary(self, number: int) -> datetime:
        """Return the boundary `number` intervals after the anchor; before it where that is negative."""
        months = _MONTHS.get(self.interval)
        if months is None:
            return self.anchor + number * _WEEK
        years, month = divmod(_months(self.anchor) + number * months, _MONTHS_IN_A_YEAR)
        return self.anchor.replace(year=years, month=month + 1, day=_clamped(years, month + 1, self.day))

    def number_at(self, at: datetime) -> int:
        """Return the number of the period in which `at` lies: that of the boundary with which the period begins."""
        months = _MONTHS.get(self.interval)
        if months is None:
            return (at - self.anchor) // _WEEK
        # No boundary of a later month is before `at`, so the estimate is at most one too high.
        estimate = (_months(at.astimezone(UTC)) - _months(self.anchor)) // months
        return estimate - 1 if self.boundary(estimate) > at else estimate

    def period(self, number: int) -> Period:
        """Return the period that begins with the boundary of this number."""
        return Period(self.boundary(number), self.boundary(number + 1))

    def period_at(self, at: datetime) -> Period:
        """Return the period in which `at` lies."""
        return self.period(self.number_at(at))


def cycle_from(start: datetime, *, interval: PriceInterval, day: int | None = None) -> Cycle:
    """Return the cycle of what begins at `start`: anchored there, or on the next `day` of a month at the same time of day.

    From 2026-11-25 with day 15 the anchor is 2026-12-15: what is before it is a part of the period that ends there.
    """
    wanted = day if day is not None and interval in _MONTHS else start.day
    anchor = start.replace(day=_clamped(start.year, start.month, wanted))
    if anchor < start:
        years, month = divmod(_months(start) + 1, _MONTHS_IN_A_YEAR)
        anchor = start.replace(year=years, month=month + 1, day=_clamped(years, month + 1, wanted))
    return Cycle(anchor, wanted, interval)


def whole_seconds(at: datetime) -> datetime:
    """Return the second in which `at` lies: subscriptions know no finer time, so that shares of periods stay whole numbers."""
    return at.astimezone(UTC).replace(microsecond=0)


def _months(at: datetime) -> int:
    return at.year * _MONTHS_IN_A_YEAR + at.month - 1


def _clamped(year: int, month: int, day: int) -> int:
    return min(day, calendar.monthrange(year, month)[1])
