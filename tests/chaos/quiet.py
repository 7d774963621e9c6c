"""Quiet: nothing is due, nothing is on its way, and nothing changes."""

from typing import Any, NamedTuple

import httpx
import psycopg
import redis

from tasks.celery_config import MESSAGE_PREFIX
from tasks.queues import QUEUES
from tests.chaos.stack import ChaosStack

_OPEN_WORK = """
    SELECT (SELECT count(*) FROM operations WHERE next_attempt_at IS NOT NULL) AS operations,
           (SELECT count(*) FROM inbox_events WHERE next_attempt_at IS NOT NULL) AS events,
           (SELECT count(*) FROM outbox_deliveries WHERE next_attempt_at IS NOT NULL) AS deliveries,
           (SELECT count(*) FROM webhook_deliveries WHERE status = 'pending') AS outgoing,
           (SELECT count(*) FROM audit_pending) AS unsealed,
           (SELECT count(*) FROM inbox_events) AS stored
"""
# The gateway does some things a moment later by itself (a balance transaction, say) and tells of them.
_STILL_SECONDS = 1.5


class Unrest(NamedTuple):
    """What is not yet quiet; all zero but `stored` is quiet."""

    operations: int
    events: int
    deliveries: int
    outgoing: int
    unsealed: int
    webhooks: int
    messages: int
    stored: int

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is open."""
        return not any(self[:-1])


def look(stack: ChaosStack) -> Unrest | None:
    """Return what is open, or None where a server cannot be asked."""
    try:
        (work,) = stack.rows(_OPEN_WORK)
        pending = [
            delivery
            for state in ("pending", "held")
            for delivery in stack.control("GET", f"deliveries?state={state}&limit=1000")["deliveries"]
        ]
        with stack.valkey("broker") as broker:
            lengths: list[Any] = [broker.llen(f"{MESSAGE_PREFIX}{queue}") for queue in QUEUES]
    except (psycopg.Error, httpx.HTTPError, redis.RedisError):
        return None
    return Unrest(**work, webhooks=len(pending), messages=sum(int(length) for length in lengths))


def wait_for_quiet(stack: ChaosStack, *, seconds: float) -> Unrest | None:
    """Keep the stack running until it is quiet. Return None then, else what was still open when the time was up."""
    seen: list[Unrest | None] = [None]

    def quiet() -> bool:
        seen[0] = look(stack)
        return seen[0] is not None and seen[0].is_quiet

    def still_quiet() -> bool:
        if not stack.run_until(quiet, seconds=seconds):
            return False
        before = seen[0]
        stack.run_for(_STILL_SECONDS)
        return quiet() and seen[0] == before

    return None if stack.run_until(still_quiet, seconds=seconds) else seen[0]
