from datetime import UTC, datetime, timedelta, timezone

from billing.timestamps import iso


def test_an_instant_is_written_in_utc_with_milliseconds() -> None:
    assert iso(datetime(2026, 11, 22, 8, 15, 30, 123_999, tzinfo=UTC)) == "2026-11-22T08:15:30.123Z"
    assert iso(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000Z"


def test_another_zone_is_turned_into_utc() -> None:
    berlin = timezone(timedelta(hours=1))

    assert iso(datetime(2026, 1, 1, 0, 30, tzinfo=berlin)) == "2025-12-31T23:30:00.000Z"


def test_none_stays_none() -> None:
    assert iso(None) is None
