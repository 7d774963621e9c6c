"""The tasks that do what is due of subscriptions, and of invoices that were not paid."""

import time
from collections.abc import Callable

from billing.beat_slots import claim_slot
from billing.clock import utc_now
from billing.dunning import run_due as dunning
from billing.runtime import Runtime
from billing.subscriptions import run_due as subscriptions
from tasks.base import billing_task
from tasks.maintenance import SCHEDULE

# One run works for so long; what is left is due still, and the next run begins with it.
_SECONDS_MAX = 20.0


@billing_task("subscriptions.run")
def run_subscriptions(runtime: Runtime, **_: object) -> str:
    """Renew what is due, end trials, expire what was not paid, resume, grant the month's credits."""
    return _run(runtime, "subscriptions.run", lambda: _subscriptions(runtime))


@billing_task("dunning.run")
def run_dunning(runtime: Runtime, **_: object) -> str:
    """Charge again what was not paid, or do what is done in the end."""
    return _run(runtime, "dunning.run", lambda: _dunning(runtime))


def _subscriptions(runtime: Runtime) -> int:
    now = utc_now()
    return subscriptions.run_due(runtime, at=now, now=now)


def _dunning(runtime: Runtime) -> int:
    now = utc_now()
    return dunning.run_due(runtime, at=now, now=now)


def _run(runtime: Runtime, job: str, step: Callable[[], int]) -> str:
    with runtime.transaction() as session:
        mine = claim_slot(session, job=job, every=SCHEDULE[job], now=utc_now())
    if not mine:
        return "another beat ran this slot"
    done, deadline = 0, time.monotonic() + _SECONDS_MAX
    while time.monotonic() < deadline:
        found = step()
        done += found
        if not found:
            return f"{done} done" if done else "nothing was due"
    return f"{done} done, and there is more"
