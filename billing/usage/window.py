"""Rule: when an event may come, and on which day it counts.

An event counts on the day of its own time, whenever it comes. So that a day is final at some time, one that is older than the
window is refused; so is one from the future, past what clocks may differ by.
"""

from datetime import datetime, timedelta

from billing.errors import FieldFault, Invalid
from billing.timestamps import iso

EARLY_MAX = timedelta(minutes=5)


class UsageTooLate(Invalid):
    """The event is older than USAGE_LATE_HOURS: its day is closed. Nothing was counted."""

    code = "usage_too_late"


class UsageTooEarly(Invalid):
    """The event is from the future, by more than five minutes. Nothing was counted."""

    code = "usage_too_early"


def outside_window(occurred_at: datetime, *, late_max: timedelta, now: datetime) -> UsageTooLate | UsageTooEarly | None:
    """Return why an event of this time is not taken at `now`; None where it is."""
    if occurred_at < now - late_max:
        detail = f"events are taken for {late_max // timedelta(hours=1)} hours, now since {iso(now - late_max)}"
        return UsageTooLate(detail, errors=[FieldFault("/time", "too_late", detail)])
    if occurred_at > now + EARLY_MAX:
        detail = f"the event is from the future; it is {iso(now)} here, look at the sender's clock"
        return UsageTooEarly(detail, errors=[FieldFault("/time", "too_early", detail)])
    return None
