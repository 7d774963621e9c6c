"""The task that sends outgoing webhooks, and how many threads of a worker may do so at once."""

import threading
from collections import Counter

from billing.clock import utc_now
from billing.hints import Hint
from billing.outgoing.claim import seconds_until_due
from billing.outgoing.deliver import deliver_next
from billing.runtime import Runtime
from tasks.base import billing_task
from tasks.drain import drain_waiting

# Fewer than the worker's threads (Procfile): receivers that hang never hold up what else the worker does.
SENDERS_MAX = 8
_senders = threading.BoundedSemaphore(SENDERS_MAX)


@billing_task("outgoing.deliver")
def deliver_webhooks(runtime: Runtime, **_: object) -> str:
    """Send what is due to webhook endpoints, one event after the other, until nothing is."""
    return send_due(runtime)


def send_due(runtime: Runtime) -> str:
    """Send until nothing is due, unless SENDERS_MAX threads of this process do so already. Return a summary."""
    if not _senders.acquire(blocking=False):
        return "as many threads as may are sending already"
    try:
        return drain_waiting(
            runtime,
            hint=Hint.OUTGOING,
            seconds_until_due=seconds_until_due,
            step=lambda: Counter(_next_end(runtime)),
        )
    finally:
        _senders.release()


def _next_end(runtime: Runtime) -> list[str]:
    end = deliver_next(runtime, now=utc_now)
    return [] if end is None else [end]
