"""The tasks on the beat schedule, and the canary. Each scheduled job claims its slot first, so that two beats do no harm."""

from datetime import timedelta

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing import leases
from billing.beat_slots import BEAT, GATEWAY, claim_slot, note_heartbeat, purge_slots, queue_heartbeat, return_slot
from billing.clock import utc_now
from billing.errors import Unavailable
from billing.fail_points import fail_point
from billing.hints import Hint
from billing.idempotency import purge_expired
from billing.invariants import check_invariants
from billing.metrics import INVARIANT_VIOLATIONS
from billing.runtime import Runtime
from billing.webhooks.resync import resync_events
from models.audit import AuditPending
from models.inbox_event import InboxEvent
from models.leased_work import LeasedWork
from models.operation import Operation
from models.outbox import OutboxDelivery
from tasks.base import billing_task, use_case_task
from tasks.canary import canary_has_run
from tasks.runtime import hint_sender

# Each scheduled task, and how often it runs.
SCHEDULE = {
    "gateway.ping": timedelta(seconds=60),
    "maintenance.invariants": timedelta(minutes=5),
    "maintenance.purge": timedelta(hours=1),
    "maintenance.sweep": timedelta(seconds=15),
    "webhooks.resync": timedelta(days=1),
}
# Stripe repeats a delivery for three days; what is older than that comes by itself no more.
RESYNC_WINDOW = timedelta(days=4)
_TABLES: dict[Hint, type[LeasedWork]] = {
    Hint.OPERATIONS: Operation,
    Hint.INBOX: InboxEvent,
    Hint.OUTBOX: OutboxDelivery,
}
_ALREADY_RUN = "another beat ran this slot"
log = structlog.get_logger(__name__)


def _claim(job: str, session: Session) -> bool:
    return claim_slot(session, job=job, every=SCHEDULE[job], now=utc_now())


@use_case_task("maintenance.sweep")
def sweep(session: Session, **_: object) -> str:
    """Send hints for work that is due although nobody was told: a message was lost, or a worker died."""
    note_heartbeat(session, name=BEAT, now=utc_now())
    if not _claim("maintenance.sweep", session):
        return _ALREADY_RUN
    found = [hint for hint, table in _TABLES.items() if leases.due_count(session, table, up_to=1)]
    if session.scalar(select(func.count()).select_from(select(AuditPending).limit(1).subquery())):
        found.append(Hint.AUDIT)
    if found:
        fail_point("sweep.before_hints")
    for hint in found:
        hint_sender()(hint)
    return f"work left behind in: {', '.join(found)}" if found else "nothing was left behind"


@use_case_task("maintenance.purge")
def purge(session: Session, **_: object) -> str:
    """Delete what nobody may need any more: answers kept under idempotency keys, and past beat slots."""
    if not _claim("maintenance.purge", session):
        return _ALREADY_RUN
    keys, slots = purge_expired(session, now=utc_now()), purge_slots(session, now=utc_now())
    return f"{keys} idempotency keys and {slots} beat slots deleted"


@use_case_task("maintenance.invariants")
def invariants(session: Session, **_: object) -> str:
    """Check what must always hold, and raise an alarm for what does not."""
    if not _claim("maintenance.invariants", session):
        return _ALREADY_RUN
    findings = check_invariants(session)
    for finding in findings:
        INVARIANT_VIOLATIONS.labels(invariant=finding.invariant.name).set(finding.violations)
        if finding.violations:
            log.error(
                "invariant.broken",
                invariant=finding.invariant.name,
                violations=finding.violations,
                mend=finding.invariant.mend,
            )
    broken = [finding.invariant.name for finding in findings if finding.violations]
    return f"broken: {', '.join(broken)}" if broken else f"all {len(findings)} hold"


@billing_task("webhooks.resync")
def resync(runtime: Runtime, **_: object) -> str:
    """Fetch the events of the past days that never came, so that an outage of our endpoint loses none."""
    job, started = "webhooks.resync", utc_now()
    with runtime.transaction() as session:
        if not claim_slot(session, job=job, every=SCHEDULE[job], now=started):
            return _ALREADY_RUN
    try:
        done = resync_events(runtime, since=started - RESYNC_WINDOW, now=utc_now)
    except Unavailable:
        with runtime.transaction() as session:
            return_slot(session, job=job, every=SCHEDULE[job], now=started)
        raise
    return f"{done.listed} events listed, {done.stored} had never come"


@billing_task("gateway.ping")
def ping_gateway(runtime: Runtime, **_: object) -> str:
    """Ask the gateway a cheap question and note that it answered, for `GET /health`."""
    try:
        runtime.gateway.ping()
    except Unavailable as error:
        return f"no answer: {error.code}"
    with runtime.transaction() as session:
        note_heartbeat(session, name=GATEWAY, now=utc_now())
    return "the gateway answers"


@billing_task("maintenance.canary")
def canary(runtime: Runtime, *, queues_of_worker: list[str], **_: object) -> str:
    """Prove that this worker takes messages and runs them in its pool; note it in Postgres, so that anyone can see."""
    canary_has_run()  # before Postgres is asked: an outage there is no reason to end the worker
    with runtime.transaction() as session:
        for queue in queues_of_worker:
            note_heartbeat(session, name=queue_heartbeat(queue), now=utc_now())
    return f"alive: {', '.join(queues_of_worker)}"
