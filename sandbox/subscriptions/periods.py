"""Rule: when the periods of a subscription begin and end: counted from its anchor, on its day of the month."""

import calendar
from datetime import UTC, datetime
from typing import NamedTuple

from sandbox.json_types import Json

_SECONDS = {"day": 86_400, "week": 7 * 86_400}
_MONTHS = {"month": 1, "year": 12}


class Period(NamedTuple):
    """Seconds since the epoch, half-open."""

    start: int
    end: int


def period_from(*, start: int, anchor: int, recurring: Json) -> Period:
    """Return the period that begins at `start`: up to the first boundary, counted from the anchor, that lies after it."""
    count = recurring["interval_count"]
    seconds = _SECONDS.get(recurring["interval"])
    if seconds is not None:
        length = seconds * count
        return Period(start, anchor + ((start - anchor) // length + 1) * length)
    first, begins = datetime.fromtimestamp(anchor, UTC), datetime.fromtimestamp(start, UTC)
    step = _MONTHS[recurring["interval"]] * count
    number = ((begins.year - first.year) * 12 + begins.month - first.month) // step - 1
    while _boundary(first, number * step) <= start:
        number += 1
    return Period(start, _boundary(first, number * step))


def _boundary(anchor: datetime, months: int) -> int:
    years, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    day = min(anchor.day, calendar.monthrange(years, month + 1)[1])
    return int(anchor.replace(year=years, month=month + 1, day=day).timestamp())
