"""The tasks on the beat schedule, and the canary. Each scheduled job claims its slot first, so that two beats do no harm."""

from datetime import timedelta

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing import leases
from billing.actor import WORKER
from billing.beat_slots import BEAT, GATEWAY, claim_slot, note_heartbeat, purge_slots, queue_heartbeat, return_slot
from billing.clock import utc_now
from billing.errors import Unavailable
from billing.fail_points import fail_point
from billing.hints import Hint
from billing.idempotency import purge_expired
from billing.invariants import check_invariants
from billing.ledger.roll_up import roll_up
from billing.metrics import INVARIANT_VIOLATIONS
from billing.outgoing.claim import due_count as webhooks_due
from billing.outgoing.events import PURGE_BATCH as EVENTS_PURGED_AT_ONCE
from billing.outgoing.events import purge_old_events
from billing.reconciliation.run import ReconciliationUnderWay, begin_nightly_run
from billing.runtime import Runtime
from billing.webhooks.resync import resync_events
from models.audit import AuditPending
from models.inbox_event import InboxEvent
from models.leased_work import LeasedWork
from models.operation import Operation
from models.outbox import OutboxDelivery
from models.reconciliation import ReconciliationRun
from models.usage import UsageCharge
from tasks.base import billing_task, use_case_task
from tasks.canary import canary_has_run
from tasks.runtime import hint_sender

# Each scheduled task, and how often it runs.
SCHEDULE = {
    "credits.sweep": timedelta(seconds=5),
    "dunning.run": timedelta(minutes=1),
    "events.purge": timedelta(hours=1),
    "gateway.ping": timedelta(seconds=60),
    "ledger.roll_up": timedelta(minutes=1),
    "maintenance.invariants": timedelta(minutes=5),
    "maintenance.purge": timedelta(hours=1),
    "maintenance.sweep": timedelta(seconds=15),
    "reconciliation.begin": timedelta(days=1),
    "subscriptions.run": timedelta(seconds=30),
    "webhooks.resync": timedelta(days=1),
}
# Stripe repeats a delivery for three days; what is older than that comes by itself no more.
RESYNC_WINDOW = timedelta(days=4)
_TABLES: dict[Hint, type[LeasedWork]] = {
    Hint.OPERATIONS: Operation,
    Hint.INBOX: InboxEvent,
    Hint.OUTBOX: OutboxDelivery,
    Hint.RECONCILIATION: ReconciliationRun,
    Hint.USAGE: UsageCharge,
}
_PURGE_ROUNDS_MAX = 100
_ROLL_UP_ROUNDS_MAX = 100
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
    found = [hint for hint, table in _TABLES.items() if leases.any_due(session, table)]
    if session.scalar(select(func.count()).select_from(select(AuditPending).limit(1).subquery())):
        found.append(Hint.AUDIT)
    if webhooks_due(session, up_to=1):
        found.append(Hint.OUTGOING)
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


@billing_task("events.purge")
def purge_events(runtime: Runtime, **_: object) -> str:
    """Delete events whose time is over, in short transactions; what is left is for the next hour."""
    now, deleted = utc_now(), 0
    with runtime.transaction() as session:
        if not _claim("events.purge", session):
            return _ALREADY_RUN
    for _round in range(_PURGE_ROUNDS_MAX):
        with runtime.transaction() as session:
            count = purge_old_events(session, now=now)
        deleted += count
        if count < EVENTS_PURGED_AT_ONCE:
            break
    return f"{deleted} events deleted"


@billing_task("ledger.roll_up")
def roll_up_ledger(runtime: Runtime, **_: object) -> str:
    """Roll the totals of the ledger's accounts forward, in short transactions; what is left is for the next minute."""
    with runtime.transaction() as session:
        if not _claim("ledger.roll_up", session):
            return _ALREADY_RUN
    reached = None
    for _round in range(_ROLL_UP_ROUNDS_MAX):
        with runtime.transaction() as session:
            reached = roll_up(session)
        if reached is None or not reached.more:
            break
    return f"rolled up to database transaction {reached.up_to}" if reached else "nothing is posted yet"


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


@use_case_task("reconciliation.begin")
def begin_reconciliation(session: Session, **_: object) -> str:
    """Begin the nightly run, once no other is under way. Its row is the work, and `reconciliation.run` does it."""
    job, now = "reconciliation.begin", utc_now()
    if not claim_slot(session, job=job, every=SCHEDULE[job], now=now):
        return _ALREADY_RUN
    try:
        run = begin_nightly_run(session, actor=WORKER, now=now)
    except ReconciliationUnderWay as error:
        return_slot(session, job=job, every=SCHEDULE[job], now=now)
        return error.detail
    return f"begun over what was created from {run.since:%Y-%m-%d %H:%M} to {run.until:%Y-%m-%d %H:%M}"


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
