"""Rule: how a time is written on the command line, for a test clock: an instant, a day, or a span from where the clock is."""

import calendar
import re
from datetime import UTC, datetime, timedelta

_SPAN = re.compile(r"\+([0-9]{1,4})([hdwmy])")
_MONTHS = {"m": 1, "y": 12}
_TIMES = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
TAKES = "an instant (2026-03-01T08:00:00Z), a day (2026-03-01), or a span: +12h, +30d, +2w, +1m, +1y"


class TimeNotUnderstood(ValueError):
    """The text is no time that a clock takes."""


def read_instant(text: str) -> datetime:
    """Return the instant in UTC; without an offset it is UTC. Raises TimeNotUnderstood."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise TimeNotUnderstood(f"{text!r} is no time; it takes {TAKES}") from None
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)


def read_target(text: str, *, at: datetime) -> datetime:
    """Return where a clock that shows `at` is to go. Raises TimeNotUnderstood."""
    span = _SPAN.fullmatch(text)
    if span is None:
        return read_instant(text)
    count, unit = int(span[1]), span[2]
    try:
        return at + count * _TIMES[unit] if unit in _TIMES else months_later(at, count * _MONTHS[unit])
    except (OverflowError, ValueError):
        raise TimeNotUnderstood(f"{text!r} goes past the last year that there is") from None


def months_later(at: datetime, months: int) -> datetime:
    """Return the same day so many months later; in a month that is too short its last: 31 January, 28 February."""
    years, month = divmod(at.month - 1 + months, 12)
    year = at.year + years
    day = min(at.day, calendar.monthrange(year, month + 1)[1])
    return at.replace(year=year, month=month + 1, day=day)
