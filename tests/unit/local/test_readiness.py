from datetime import UTC, datetime
from typing import Any

import pytest

from local.readiness import seen_since

START = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
AFTER = {"last_seen": "2026-11-22T12:00:00.001Z"}
BEFORE = {"last_seen": "2026-11-22T11:59:59.999Z"}


@pytest.mark.parametrize(
    ("sightings", "ready"),
    [
        ([AFTER, AFTER], True),
        ([AFTER, BEFORE], False),
        ([{"last_seen": "2026-11-22T12:00:00Z"}], False),
        ([{"last_seen": None}], False),
        ([None], False),
        ([], True),
    ],
)
def test_only_a_sign_of_life_after_the_start_counts(sightings: list[dict[str, Any] | None], ready: bool) -> None:
    assert seen_since(started_at=START, sightings=sightings) is ready
