"""What callers, events and the audit log see of a test clock."""

from datetime import datetime

from billing.timestamps import iso
from models.ids import public_id
from models.test_clock import TestClock

PREFIX = "clock"


def clock_representation(clock: TestClock) -> dict[str, object]:
    """Return the clock as JSON-like data."""
    return {
        "id": public_id(PREFIX, clock.id),
        "name": clock.name,
        "frozen_time": iso(clock.frozen_time),
        "status": str(clock.status),
        "progress": _progress(clock),
        "created_at": iso(clock.created_at),
        "deleted_at": iso(clock.deleted_at),
    }


def progress_representation(*, begun: datetime, target: datetime, at: datetime) -> dict[str, object]:
    """Return how far an advance has come."""
    return {"from": iso(begun), "to": iso(target), "at": iso(at)}


def _progress(clock: TestClock) -> dict[str, object] | None:
    if clock.advanced_from is None or clock.target_time is None:
        return None
    return progress_representation(begun=clock.advanced_from, target=clock.target_time, at=clock.frozen_time)
