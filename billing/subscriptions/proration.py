"""Rule: what a part of a period costs.

A policy says in what a period is measured and who owns the day of a change. What is left of a period is a share, a whole number
of parts; an amount for it is exact until its line is rounded, once. What was paid for a share that began before is given back by
how much of that share is left, so that a chain of changes adds up to what each part of the period cost.
Source: docs/explanation/proration.md.
"""

from datetime import date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from billing.catalog.pricing import Charge
from billing.decimals import in_main_unit
from billing.subscriptions.cycle import Period, whole_seconds
from models.money import round_half_away_from_zero

_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)
_DAYS_IN_A_MONTH, _MONTHS_IN_A_YEAR = 30, 12
_SHORTEST_MONTH = timedelta(days=28)
_TIMES = "×"


class Granularity(StrEnum):
    """In what a period is measured: in seconds, in days of the calendar, or in months of thirty days."""

    SECOND = "second"
    DAY = "day"
    FIXED_30 = "fixed_30"


class EventDay(StrEnum):
    """Who owns the day of a change, where days are counted."""

    NEW_PLAN = "new_plan"
    OLD_PLAN = "old_plan"


class Policy(NamedTuple):
    """How one subscription is prorated."""

    granularity: Granularity = Granularity.SECOND
    event_day: EventDay = EventDay.NEW_PLAN


class Share(NamedTuple):
    """So many parts of so many that a period has: 16 of 31 days."""

    parts: int
    of: int

    @property
    def fraction(self) -> Fraction:
        """The share as a number from 0 to 1."""
        return Fraction(self.parts, self.of)


class Prorated(NamedTuple):
    """An amount in minor units, rounded half away from zero, and how it was computed: `16/31 × 99.00`."""

    amount_minor: int
    formula: str


class OutsidePeriod(ValueError):
    """The change is not in the period of which it is to take a share."""


def share_left(period: Period, *, at: datetime, policy: Policy) -> Share:
    """Return what is left of a period at `at`: the share of what begins then. All of it at the period's start.

    A day belongs to whom the policy says; days are those of the calendar in UTC. With `fixed_30` every month has thirty days,
    and a week its seven.
    Raises OutsidePeriod unless `period.start <= at <= period.end`.
    """
    if not period.start <= at <= period.end:
        raise OutsidePeriod(f"{at} is not between {period.start} and {period.end}")
    if policy.granularity is Granularity.SECOND:
        return Share((period.end - whole_seconds(at)) // _SECOND, (period.end - period.start) // _SECOND)
    start, end = period.start.date(), period.end.date()
    if policy.granularity is Granularity.DAY or end - start < _SHORTEST_MONTH:
        whole, used = (end - start) // _DAY, (at.date() - start) // _DAY
    else:
        whole, used = _DAYS_IN_A_MONTH * _months(start, end), _days_of_thirty(start, at.date())
    if policy.event_day is EventDay.OLD_PLAN and at > period.start:
        used += 1
    return Share(min(max(whole - used, 0), whole), whole)


def charge_for_rest(price: Charge, *, left: Share) -> Prorated:
    """Return what the rest of a period costs at the price of a whole one. The whole period costs the price itself."""
    amount = round_half_away_from_zero(price.amount * left.fraction)
    if left.parts == left.of:
        return Prorated(amount, price.formula)
    whole = price.formula if price.formula.count(_TIMES) + price.formula.count("+") == 0 else f"({price.formula})"
    return Prorated(amount, f"{left.parts}/{left.of} {_TIMES} {whole}")


def credit_for_rest(paid_minor: int, *, paid_for: Share, left: Share, currency: str) -> Prorated:
    """Return what is given back, negative, of what was paid for a share when only `left` of the period is left.

    66.00 were paid for 20 of 30 days, 10 are left: -(10/20 × 66.00) = -33.00. Never more than was paid.
    """
    unused = min(left.fraction / paid_for.fraction, Fraction(1)) if paid_for.parts else Fraction(0)
    if paid_for.parts == paid_for.of:
        parts, of = left
    elif left.of == paid_for.of:
        parts, of = min(left.parts, paid_for.parts), paid_for.parts
    else:
        parts, of = unused.numerator, unused.denominator
    paid = in_main_unit(paid_minor, currency=currency)
    return Prorated(-round_half_away_from_zero(paid_minor * unused), f"-{parts}/{of} {_TIMES} {paid}")


def _months(start: date, end: date) -> int:
    return (end.year - start.year) * _MONTHS_IN_A_YEAR + end.month - start.month


def _days_of_thirty(start: date, end: date) -> int:
    """Return the days from `start` to `end` in months of thirty days: the last day of a month is its thirtieth."""
    return _DAYS_IN_A_MONTH * _months(start, end) + _thirtieth(end) - _thirtieth(start)


def _thirtieth(day: date) -> int:
    is_last = (day + _DAY).month != day.month
    return _DAYS_IN_A_MONTH if is_last else min(day.day, _DAYS_IN_A_MONTH)
