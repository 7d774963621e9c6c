"""When events are taken."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from billing.usage.window import EARLY_MAX, outside_window

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
LATE_MAX = timedelta(hours=72)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (NOW, None),
        (NOW - LATE_MAX, None),
        (NOW - LATE_MAX - SECOND, "usage_too_late"),
        (NOW + EARLY_MAX, None),
        (NOW + EARLY_MAX + SECOND, "usage_too_early"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), "usage_too_late"),
        (datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-12))), "usage_too_early"),
        (datetime(2026, 11, 25, 9, 4, tzinfo=timezone(timedelta(hours=1))), None),
    ],
)
def test_events_are_taken_for_a_while(at: datetime, code: str | None) -> None:
    refusal = outside_window(at, late_max=LATE_MAX, now=NOW)

    assert (refusal.code if refusal is not None else None) == code
    assert refusal is None or [fault.pointer for fault in refusal.errors] == ["/time"]
