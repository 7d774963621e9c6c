"""Runs what falls due by itself, when it is due, and forgets what is old."""

import asyncio
import contextlib

from sandbox.events.retention import BATCH_LIMIT, KEPT_DELIVERIES, KEPT_EVENTS, forget_old
from sandbox.payments.due import run_due_jobs
from sandbox.state.jobs import JOB, next_due_at
from sandbox.workbench import Workbench

_LONGEST_WAIT_SECONDS = 60.0
# Jobs that fall due within such a span run together, in one transaction.
_SPAN_SECONDS = 0.05
# How often old events are forgotten, while there is something to do.
_TIDY_SECONDS = 2.0


class Timer:
    """Sleeps until the next job is due; `notice` makes it look again."""

    def __init__(self, *, workbench: Workbench) -> None:
        self._workbench = workbench
        self._wake = asyncio.Event()

    def notice(self, changed: frozenset[str], /) -> None:
        """Look again for what is due when work has been scheduled."""
        if JOB in changed:
            self._wake.set()

    async def run(self) -> None:
        """Run due jobs until cancelled."""
        tidied_at = 0.0
        while True:
            self._wake.clear()
            if self._workbench.clock() - tidied_at > _TIDY_SECONDS:
                self._tidy()
                tidied_at = self._workbench.clock()
            seconds = self._seconds_to_next()
            if seconds <= 0:
                with self._workbench.work() as work:
                    run_due_jobs(work=work)
                await asyncio.sleep(_SPAN_SECONDS)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wake.wait()

    def _tidy(self) -> None:
        with self._workbench.work() as work:
            forget_old(
                transaction=work.transaction,
                kept_events=KEPT_EVENTS,
                kept_deliveries=KEPT_DELIVERIES,
                batch=BATCH_LIMIT,
            )

    def _seconds_to_next(self) -> float:
        due_at = next_due_at(transaction=self._workbench.store.reader())
        return _LONGEST_WAIT_SECONDS if due_at is None else due_at - self._workbench.clock()
