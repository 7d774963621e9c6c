"""Rule: when a failed delivery is tried again, and when its endpoint is left alone or switched off."""

import random
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

# Ten attempts: at once, and after these pauses, about a day in all. Each pause is 20 % shorter or longer at random.
PAUSES = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=7),
    timedelta(hours=10),
)
ATTEMPTS_MAX = len(PAUSES) + 1
JITTER = 0.2
# What a receiver may ask for with Retry-After counts up to this.
RETRY_AFTER_MAX = timedelta(hours=1)
THROTTLING_STATUSES = frozenset({429, 503})
# An endpoint from which nothing came back so often in a row is asked no more than once in this pause.
FAILURES_BEFORE_PAUSE = 10
ENDPOINT_PAUSE = timedelta(seconds=30)
# And one from which nothing came back for so long is switched off.
SWITCHED_OFF_AFTER = timedelta(days=3)


def pause_after(attempts: int) -> timedelta | None:
    """Return the pause after the `attempts`-th attempt failed, with its jitter; None when that was the last."""
    if attempts >= ATTEMPTS_MAX:
        return None
    return PAUSES[attempts - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load, guards nothing


def asked_pause(*, status: int, retry_after: str | None, now: datetime) -> timedelta | None:
    """Return how long a receiver that is overloaded asks to be left alone, bounded; None when it does not ask."""
    if status not in THROTTLING_STATUSES or retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdecimal() and len(text) <= 9:
        asked = timedelta(seconds=int(text))
    else:
        try:
            asked = parsedate_to_datetime(text) - now
        except (ValueError, TypeError, OverflowError):
            return None
    return max(timedelta(0), min(asked, RETRY_AFTER_MAX))


def endpoint_pause(*, failures_in_row: int, asked: timedelta | None) -> timedelta | None:
    """Return how long nothing is sent to an endpoint after a failure, or None."""
    pauses = [asked] if asked else []
    if failures_in_row >= FAILURES_BEFORE_PAUSE:
        pauses.append(ENDPOINT_PAUSE)
    return max(pauses, default=None)
