"""Process: take due events from the inbox, handle them, and close each in the transaction of its effect.

If the process dies while it holds an event, the lease runs out, the death counts as one failure of the event's own, and the
event is handled again; the effect and the event's new state commit together, so it is applied once.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import update
from sqlalchemy.orm import Session

from billing import leases
from billing.errors import InvariantBroken, Unavailable
from billing.fail_points import fail_point
from billing.hints import Hint
from billing.metrics import WORK
from billing.observations import OBSERVE_TRIES_MAX, StaleObservation
from billing.runtime import Runtime
from billing.unit_of_work import hint_after_commit
from billing.webhooks.decide import Decision, decide
from billing.webhooks.handlers import HANDLERS
from models.inbox_event import InboxEvent, InboxStatus

LEASE_SECONDS = 30
BATCH = 100
# While one event waits for the gateway, those behind it wait too: their leases are renewed before each.
ASKED_AT_ONCE = 8
log = structlog.get_logger(__name__)


def process_batch(runtime: Runtime, *, now: Callable[[], datetime], limit: int = BATCH) -> Counter[str]:
    """Handle up to `limit` due events and return how many came to which end; empty when none was due.

    Those that our own rows decide are closed together, in one commit. The gateway is asked for the others one by one; of these
    no more are kept than can be asked for well within the lease, and the rest is given back to whoever is free.
    """
    with runtime.transaction() as session:
        claimed = leases.claim(
            session,
            InboxEvent,
            limit=limit,
            lease_seconds=min(LEASE_SECONDS, runtime.settings.WORK_LEASE_SECONDS),
            busy_status=InboxStatus.PROCESSING,
        )
        if len(claimed) == limit:
            hint_after_commit(session, Hint.INBOX)  # there may be more: somebody else begins with it meanwhile
        claimed = leases.set_failed_apart(session, claimed, idle_status=InboxStatus.RECEIVED)
    if claimed:
        fail_point("inbox.claimed")
    try:
        ends, to_ask = _close_decided(runtime, claimed, now=now)
    except Unavailable:
        if claimed:  # a deadlock, or a time-out: no fault of theirs, and no reason to wait for the leases
            with runtime.transaction() as session:
                leases.give_back(session, claimed, idle_status=InboxStatus.RECEIVED)
        raise
    if surplus := to_ask[ASKED_AT_ONCE:]:
        with runtime.transaction() as session:
            leases.give_back(session, surplus, idle_status=InboxStatus.RECEIVED)
            hint_after_commit(session, Hint.INBOX)
    waiting = to_ask[:ASKED_AT_ONCE]
    while waiting:
        with runtime.transaction() as session:
            waiting = leases.renew(session, waiting, lease_seconds=runtime.settings.WORK_LEASE_SECONDS)
        if not waiting:
            break
        event = waiting.pop(0)
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


def _close_decided(
    runtime: Runtime, events: Sequence[InboxEvent], *, now: Callable[[], datetime]
) -> tuple[Counter[str], list[InboxEvent]]:
    """Close in one transaction what can be decided without the gateway; return the ends, and the events that are left.

    An event that breaks the transaction is found by halving the batch: it must not hold up the others.
    """
    if not events or leases.died_too_often(events[0]):
        return Counter(), list(events)
    try:
        with runtime.transaction() as session:
            held = leases.hold_all(session, events)
            decisions = decide(
                session,
                events=held,
                livemode=runtime.settings.livemode,
                number_prefix=runtime.settings.INVOICE_PREFIX,
                now=now(),
            )
            _close(session, decisions, now=now())
            fail_point("inbox.before_commit")
        fail_point("inbox.after_commit")
    except Unavailable:
        raise
    except Exception:
        log.warning("webhook.batch_broken", events=len(events), first=events[0].external_id, exc_info=True)
        if len(events) == 1:
            return Counter(), list(events)
        middle = len(events) // 2
        ends, left = _close_decided(runtime, events[:middle], now=now)
        more_ends, more_left = _close_decided(runtime, events[middle:], now=now)
        return ends + more_ends, left + more_left
    ends = Counter()
    for event in held:
        if event.id in decisions:
            end = str(_end_of(decisions[event.id]))
            WORK.labels("inbox_events", event.type, end).inc()
            ends[end] += 1
    return ends, [event for event in held if event.id not in decisions]


def _close(session: Session, decisions: Mapping[UUID, Decision], *, now: datetime) -> None:
    """Close the events; those that came to the same in one statement."""
    alike: dict[Decision, list[UUID]] = defaultdict(list)
    for event_id, decision in decisions.items():
        alike[decision].append(event_id)
    for decision, event_ids in alike.items():
        session.execute(
            update(InboxEvent)
            .where(InboxEvent.id.in_(event_ids))
            .values(
                status=_end_of(decision),
                result=_result_of(decision.result),
                processed_at=now,
                last_error=None,
                lease_token=None,
                next_attempt_at=None,
            ),
            execution_options={"synchronize_session": False},
        )


def _end_of(decision: Decision) -> InboxStatus:
    return InboxStatus.IGNORED if decision.result is None else InboxStatus.PROCESSED


def _result_of(result: str | None) -> str:
    return "nothing here concerns it" if result is None else result


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
                held.result = _result_of(effect(session, now()) if effect is not None else None)
                held.processed_at = now()
                held.last_error = None
                leases.release(held)
                fail_point("inbox.asked_before_commit")
        except StaleObservation:
            continue
        fail_point("inbox.asked_after_commit")
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
