"""Draining a table of work: claim, handle, again, until nothing is due; with help from sibling tasks while there is more.

One task works for a few seconds at most, so that it stops in time when the worker is told to stop and so that queues that
share a worker take turns; if work is left then, it sends itself on.
"""

import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy.orm import Session

from billing import leases
from billing.hints import Hint
from billing.runtime import Runtime
from models.leased_work import LeasedWork
from tasks.runtime import hint_sender

_SECONDS_MAX = 5.0


class Waiting(NamedTuple):
    """How work waits: how much of it is due, counted up to a number, and how many seconds it is until some is."""

    due_count: Callable[[Session, int], int]
    seconds_until_due: Callable[[Session], float | None]


def drain(
    runtime: Runtime, *, hint: Hint, table: type[LeasedWork], batch: int, step: Callable[[], Counter[str]]
) -> str:
    """Call `step`, which claims and handles up to `batch` rows of a table, until none is due.

    Return a summary ("87 processed").
    """
    waiting = Waiting(
        lambda session, up_to: leases.due_count(session, table, up_to=up_to),
        lambda session: leases.seconds_until_due(session, table),
    )
    return drain_waiting(runtime, hint=hint, work=waiting, batch=batch, step=step)


def drain_waiting(runtime: Runtime, *, hint: Hint, work: Waiting, batch: int, step: Callable[[], Counter[str]]) -> str:
    """As `drain`, for work whose being due is more than one column of a table."""
    sender = hint_sender()
    sender.clear(hint)
    ends: Counter[str] = Counter()
    deadline = time.monotonic() + _SECONDS_MAX
    while time.monotonic() < deadline:
        with runtime.transaction() as session:
            waiting = work.due_count(session, batch + 1)
        if waiting > batch:
            sender(hint)  # a sibling takes the rest meanwhile
        done = step() if waiting else Counter()
        if not done:
            break
        ends += done
    else:
        sender(hint)
    _wake_for_the_next(runtime, hint=hint, work=work)
    return ", ".join(f"{count} {end}" for end, count in sorted(ends.items())) or "nothing was due"


def _wake_for_the_next(runtime: Runtime, *, hint: Hint, work: Waiting) -> None:
    session: Session
    with runtime.transaction() as session:
        seconds = work.seconds_until_due(session)
    if seconds is not None:
        hint_sender().wake_later(hint, seconds=seconds)
