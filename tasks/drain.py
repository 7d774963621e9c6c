"""Draining a table of work: claim, handle, again, until nothing is due; with help from sibling tasks while there is more.

One task works for a few seconds at most, so that it stops in time when the worker is told to stop and so that queues that
share a worker take turns; if work is left then, it sends itself on.
"""

import time
from collections import Counter
from collections.abc import Callable

from sqlalchemy.orm import Session

from billing import leases
from billing.fail_points import fail_point
from billing.hints import Hint
from billing.runtime import Runtime
from models.leased_work import LeasedWork
from tasks.runtime import hint_sender

_SECONDS_MAX = 5.0


def drain(
    runtime: Runtime, *, hint: Hint, table: type[LeasedWork], batch: int, step: Callable[[], Counter[str]]
) -> str:
    """Call `step`, which claims and handles up to `batch` rows, until none is due. Return a summary ("87 processed")."""
    sender = hint_sender()
    sender.clear(hint)
    ends: Counter[str] = Counter()
    deadline = time.monotonic() + _SECONDS_MAX
    while time.monotonic() < deadline:
        with runtime.transaction() as session:
            waiting = leases.due_count(session, table, up_to=batch + 1)
        if waiting > batch:
            fail_point("drain.before_hint")
            sender(hint)  # a sibling takes the rest meanwhile
        done = step() if waiting else Counter()
        if not done:
            break
        ends += done
    else:
        sender(hint)
    _wake_for_the_next(runtime, hint=hint, table=table)
    return ", ".join(f"{count} {end}" for end, count in sorted(ends.items())) or "nothing was due"


def _wake_for_the_next(runtime: Runtime, *, hint: Hint, table: type[LeasedWork]) -> None:
    session: Session
    with runtime.transaction() as session:
        seconds = leases.seconds_until_due(session, table)
    if seconds is not None:
        hint_sender().wake_later(hint, seconds=seconds)
