"""Draining a table of work: claim, handle, again, until nothing is due; a step that sees more work calls for a sibling.

One task works for a few seconds at most, so that it stops in time when the worker is told to stop and so that queues that
share a worker take turns; if work is left then, it sends itself on.
"""

import time
from collections import Counter
from collections.abc import Callable

from sqlalchemy.orm import Session

from billing import leases
from billing.hints import Hint
from billing.runtime import Runtime
from models.leased_work import LeasedWork
from tasks.runtime import hint_sender

_SECONDS_MAX = 5.0


def drain(runtime: Runtime, *, hint: Hint, table: type[LeasedWork], step: Callable[[], Counter[str]]) -> str:
    """Call `step`, which claims and handles some rows of a table, until none is due. Return a summary ("87 processed")."""
    return drain_waiting(
        runtime, hint=hint, seconds_until_due=lambda session: leases.seconds_until_due(session, table), step=step
    )


def drain_waiting(
    runtime: Runtime,
    *,
    hint: Hint,
    seconds_until_due: Callable[[Session], float | None],
    step: Callable[[], Counter[str]],
) -> str:
    """As `drain`, for work whose being due is more than one column of a table."""
    sender = hint_sender()
    sender.clear(hint)
    ends: Counter[str] = Counter()
    deadline = time.monotonic() + _SECONDS_MAX
    while time.monotonic() < deadline:
        done = step()
        if not done:
            break
        ends += done
    else:
        sender(hint)
    wake_for_the_next(runtime, hint=hint, seconds_until_due=seconds_until_due)
    return ", ".join(f"{count} {end}" for end, count in sorted(ends.items())) or "nothing was due"


def wake_for_the_next(runtime: Runtime, *, hint: Hint, seconds_until_due: Callable[[Session], float | None]) -> None:
    """Send the hint when the next row is due, but never at once: a row that is due and was not taken is in somebody's hands."""
    with runtime.statements() as connection, Session(connection) as session:
        seconds = seconds_until_due(session)
    if seconds is not None:
        hint_sender().wake_later(hint, seconds=seconds)
