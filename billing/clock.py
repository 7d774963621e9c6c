"""The one place that reads a clock; everywhere else time is an argument (ruff bans the others)."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the present instant, timezone-aware, in UTC."""
    return datetime.now(UTC)
