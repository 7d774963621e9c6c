"""Process: take due events from the inbox, handle each, and close it in the transaction of its effect.

If the process dies while it holds an event, the lease runs out, the death counts as one failure of the event's own, and the
event is handled again; the effect and the event's new state commit together, so it is applied once.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

import structlog

from billing import leases
from billing.errors import InvariantBroken, Unavailable
from billing.fail_points import fail_point
from billing.metrics import WORK
from billing.observations import OBSERVE_TRIES_MAX, StaleObservation
from billing.runtime import Runtime
from billing.webhooks.handlers import HANDLERS
from models.inbox_event import InboxEvent, InboxStatus

LEASE_SECONDS = 30
BATCH = 8
log = structlog.get_logger(__name__)


def process_batch(runtime: Runtime, *, now: Callable[[], datetime]) -> Counter[str]:
    """Handle up to BATCH due events and return how many came to which end; empty when none was due."""
    with runtime.transaction() as session:
        claimed = leases.claim(
            session,
            InboxEvent,
            limit=BATCH,
            lease_seconds=min(LEASE_SECONDS, runtime.settings.WORK_LEASE_SECONDS),
            busy_status=InboxStatus.PROCESSING,
        )
    if claimed:
        fail_point("inbox.claimed")
    ends: Counter[str] = Counter()
    for event in claimed:
        with structlog.contextvars.bound_contextvars(
            event_id=event.external_id, event_type=event.type, customer_id=None
        ):
            try:
                end = _process(runtime, event, now=now)
            except leases.LeaseLost:
                log.warning("webhook.lease_lost")
                end = "lease_lost"
        WORK.labels(table="inbox_events", kind=event.type, outcome=end).inc()
        ends[end] += 1
    return ends


def _process(runtime: Runtime, event: InboxEvent, *, now: Callable[[], datetime]) -> str:
    try:
        if leases.died_too_often(event):
            return _fail(runtime, event, "a worker died while it handled this event", final=True)
        return _handle(runtime, event, now=now)
    except leases.LeaseLost:
        raise
    except Unavailable as error:
        return _postpone(runtime, event, error)
    except InvariantBroken as error:
        log.error("webhook.invariant_broken", code=error.code, detail=error.detail)  # noqa: TRY400 - the detail says it
        return _fail(runtime, event, f"{error.code}: {error.detail}")
    except Exception as error:
        log.exception("webhook.failed")
        return _fail(runtime, event, type(error).__name__)


def _handle(runtime: Runtime, event: InboxEvent, *, now: Callable[[], datetime]) -> str:
    handler = HANDLERS.get(event.type)
    for _ in range(OBSERVE_TRIES_MAX):
        effect = handler(runtime, event.payload["data"]["object"]) if handler is not None else None
        fail_point("inbox.observed")
        try:
            with runtime.transaction() as session:
                held = leases.hold(session, event)
                held.status = InboxStatus.IGNORED if effect is None else InboxStatus.PROCESSED
                held.result = "nothing here concerns it" if effect is None else effect(session, now())
                held.processed_at = now()
                held.last_error = None
                leases.release(held)
                fail_point("inbox.before_commit")
        except StaleObservation:
            continue
        fail_point("inbox.after_commit")
        log.info("webhook.processed", status=str(held.status), result=held.result)
        return str(held.status)
    raise Unavailable("the object changes faster than it can be read")


def _postpone(runtime: Runtime, event: InboxEvent, error: Unavailable) -> str:
    with runtime.transaction() as session:
        held = leases.hold(session, event)
        postponed = leases.postpone(held, reason=error.code)
        held.status = InboxStatus.RECEIVED
    if not postponed:
        return _fail(runtime, event, error.code, final=True)
    log.warning("webhook.postponed", code=error.code, postponements=held.postponements)
    return "postponed"


def _fail(runtime: Runtime, event: InboxEvent, reason: str, *, final: bool = False) -> str:
    with runtime.transaction() as session:
        held = leases.hold(session, event)
        alive = leases.fail(held, reason=reason, final=final)
        held.status = InboxStatus.FAILED if alive else InboxStatus.DEAD
    if not alive:
        log.error("webhook.dead", reason=reason, mend="see GET /webhooks/events, then POST /webhooks/replay")
    return str(held.status)
