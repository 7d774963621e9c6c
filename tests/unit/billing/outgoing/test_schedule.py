"""Ten attempts over about a day; what a receiver asks for counts up to an hour."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from billing.outgoing.schedule import (
    ATTEMPTS_MAX,
    ENDPOINT_PAUSE,
    FAILURES_BEFORE_PAUSE,
    PAUSES,
    RETRY_AFTER_MAX,
    asked_pause,
    endpoint_pause,
    pause_after,
)

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_ten_attempts_over_about_a_day() -> None:
    assert ATTEMPTS_MAX == 10
    assert timedelta(hours=23) < sum(PAUSES, timedelta()) < timedelta(hours=25)
    assert all(earlier < later for earlier, later in pairwise(PAUSES))


def test_the_first_retry_comes_within_half_a_minute_even_when_its_wake_up_is_lost() -> None:
    sweep = timedelta(seconds=15)
    pauses = [pause_after(1) for _ in range(200)]

    assert all(pause is not None and pause + sweep < timedelta(seconds=30) for pause in pauses)
    assert len(set(pauses)) > 100  # receivers that failed together are not asked together


@pytest.mark.parametrize("attempts", range(1, ATTEMPTS_MAX))
def test_jitter_is_a_fifth_at_most(attempts: int) -> None:
    pause = pause_after(attempts)

    assert pause is not None
    assert 0.8 <= pause / PAUSES[attempts - 1] <= 1.2


def test_after_the_last_attempt_comes_none() -> None:
    assert pause_after(ATTEMPTS_MAX) is None


@pytest.mark.parametrize(
    ("status", "retry_after", "seconds"),
    [
        (429, "120", 120),
        (503, " 7 ", 7),
        (429, "Mon, 23 Nov 2026 12:01:30 GMT", 90),
        (429, "Mon, 23 Nov 2026 11:00:00 GMT", 0),
        (429, "999999999", RETRY_AFTER_MAX.total_seconds()),
        (429, "9" * 5000, None),
        (429, "-5", None),
        (429, "soon", None),
        (429, "\N{SUPERSCRIPT TWO}", None),
        (429, "Mon, 23 Nov 2026 12:01:30", None),
        (429, None, None),
        (500, "120", None),
        (200, "120", None),
    ],
)
def test_retry_after(status: int, retry_after: str | None, seconds: float | None) -> None:
    asked = asked_pause(status=status, retry_after=retry_after, now=NOON)

    assert (None if asked is None else asked.total_seconds()) == seconds


def test_an_endpoint_is_left_alone_after_many_failures_in_a_row_or_when_it_asks() -> None:
    minute = timedelta(minutes=1)

    assert endpoint_pause(failures_in_row=FAILURES_BEFORE_PAUSE - 1, asked=None) is None
    assert endpoint_pause(failures_in_row=FAILURES_BEFORE_PAUSE, asked=None) == ENDPOINT_PAUSE
    assert endpoint_pause(failures_in_row=1, asked=minute) == minute
    assert endpoint_pause(failures_in_row=FAILURES_BEFORE_PAUSE, asked=timedelta(seconds=1)) == ENDPOINT_PAUSE
