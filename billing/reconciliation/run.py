"""Process: a run, slice by slice. A slice reads one page of the gateway, or looks at a few objects, and commits what it found
with the place where the next one begins: the run's row is the work, under a lease like any other.

If the process dies: before a slice commits, the lease runs out and the slice is done again; after it, the next slice begins where
it ended. What a slice mended is mended, and the difference says so.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from billing import leases
from billing.actor import Actor
from billing.errors import BillingError, Conflict, Unavailable
from billing.hints import Hint
from billing.metrics import WORK
from billing.reconciliation import listed, unseen, unsettled
from billing.reconciliation.listed import Effect
from billing.reconciliation.representation import RUN_PREFIX
from billing.reconciliation.review import review_some
from billing.runtime import Runtime
from billing.unit_of_work import hint_after_commit
from models.ids import new_id, public_id
from models.reconciliation import (
    DifferenceState,
    ReconciliationDifference,
    ReconciliationRun,
    ReconciliationSeen,
    RunStatus,
    RunStep,
)

LEASE_SECONDS = 120
# What happened since then is likely to be on its way still: a webhook, an answer, a search that lags behind.
SETTLING_TIME = timedelta(minutes=10)
# Each object is compared on seven nights, so that a status that changes later is seen as well.
NIGHTLY_WINDOW = timedelta(days=7)
CATCH_UP_MAX = timedelta(days=90)
# At 100 objects to a page that is two million objects; a longer run is a wrong window.
SLICES_MAX = 20_000
Comparison = Callable[..., Effect]
log = structlog.get_logger(__name__)


class ReconciliationUnderWay(Conflict):
    """A run is under way; it ends by itself, and another one can begin then."""

    code = "reconciliation_in_progress"


def begin_nightly_run(session: Session, *, actor: Actor, now: datetime) -> ReconciliationRun:
    """Begin a run over the past days, and over the nights that failed before. Raises ReconciliationUnderWay."""
    until = now - SETTLING_TIME
    reached = session.scalar(
        select(func.max(ReconciliationRun.until)).where(ReconciliationRun.status == RunStatus.FINISHED)
    )
    since = min(until - NIGHTLY_WINDOW, max(reached or until, until - CATCH_UP_MAX))
    return begin_run(session, since=since, until=until, actor=actor, now=now)


def begin_run(session: Session, *, since: datetime, until: datetime, actor: Actor, now: datetime) -> ReconciliationRun:
    """Add a run over what was created in [since, until), to the second. Raises ReconciliationUnderWay."""
    running = session.scalar(select(ReconciliationRun.id).where(ReconciliationRun.status == RunStatus.RUNNING))
    if running is not None:
        raise ReconciliationUnderWay(f"the run {public_id(RUN_PREFIX, running)} is under way; wait until it has ended")
    run = ReconciliationRun(
        id=new_id(),
        since=since.replace(microsecond=0),
        until=until.replace(microsecond=0),
        counts={},
        totals={},
        requested_by=actor.name,
        started_at=now,
        next_attempt_at=func.now(),
    )
    session.add(run)
    session.flush()
    hint_after_commit(session, Hint.RECONCILIATION)
    return run


def advance_run(runtime: Runtime, *, now: Callable[[], datetime]) -> Counter[str]:
    """Do one slice of the run that is due; return how it ended, or nothing when none was due."""
    with runtime.transaction() as session:
        claimed = leases.claim(session, ReconciliationRun, limit=1, lease_seconds=LEASE_SECONDS, busy_status=None)
    ends: Counter[str] = Counter()
    for run in claimed:
        with structlog.contextvars.bound_contextvars(reconciliation=public_id(RUN_PREFIX, run.id), step=str(run.step)):
            try:
                end = _slice(runtime, run, now=now)
            except leases.LeaseLost:
                end = "lease_lost"
                log.warning("reconciliation.lease_lost")
        WORK.labels(table="reconciliation_runs", kind=str(run.step), outcome=end).inc()
        ends[end] += 1
    return ends


def _slice(runtime: Runtime, run: ReconciliationRun, *, now: Callable[[], datetime]) -> str:
    try:
        if leases.died_too_often(run):
            return _fail(runtime, run, "cut off too often; see the log", final=True, now=now)
        if run.slices >= SLICES_MAX:
            return _fail(runtime, run, f"more than {SLICES_MAX} slices: choose a shorter time", final=True, now=now)
        effect = _perform(runtime, run, now=now)
        with runtime.transaction() as session:
            held = leases.hold(session, run)
            _move_on(session, held, effect(session, held, now()), now=now())
    except leases.LeaseLost:
        raise
    except Unavailable as error:
        return _postpone(runtime, run, error, now=now)
    except BillingError as error:
        return _fail(runtime, run, f"{error.code}: {error.detail}", final=True, now=now)
    except Exception as error:
        log.exception("reconciliation.slice_failed")
        return _fail(runtime, run, type(error).__name__, final=False, now=now)
    return "advanced"


def _perform(runtime: Runtime, run: ReconciliationRun, *, now: Callable[[], datetime]) -> Effect:
    if run.step in _REVIEWS:
        return review_some(runtime, run=run, now=now)
    return _COMPARISONS[run.step](runtime, run=run)


def _move_on(session: Session, run: ReconciliationRun, cursor: str | None, *, now: datetime) -> None:
    """Set where the next slice begins; a slice that went through forgets the failures of those before it."""
    run.slices += 1
    run.failures = run.postponements = 0
    run.last_error = None
    run.lease_token = None
    run.next_attempt_at = func.now()
    run.cursor = cursor
    if cursor is not None:
        return
    steps = list(RunStep)
    following = steps.index(run.step) + 1
    if following < len(steps):
        run.step = steps[following]
    else:
        _end(session, run, RunStatus.FINISHED, now=now)


def _end(session: Session, run: ReconciliationRun, status: RunStatus, *, now: datetime) -> None:
    leases.release(run)
    run.status, run.finished_at = status, now
    session.execute(
        delete(ReconciliationSeen).where(ReconciliationSeen.run_id == run.id),
        execution_options={"synchronize_session": False},
    )
    open_now = session.execute(
        select(ReconciliationDifference.kind, func.count())
        .where(ReconciliationDifference.state == DifferenceState.OPEN)
        .group_by(ReconciliationDifference.kind)
    ).all()
    say = log.error if open_now or status is RunStatus.FAILED else log.info
    say(
        "reconciliation.ended",
        status=str(status),
        error=run.last_error,
        compared=run.counts,
        open_differences={str(kind): number for kind, number in open_now},
        mend="billing reconcile; see docs/how-to/reconcile.md" if open_now else None,
    )


def _postpone(runtime: Runtime, run: ReconciliationRun, error: Unavailable, *, now: Callable[[], datetime]) -> str:
    with runtime.transaction() as session:
        held = leases.hold(session, run)
        postponed = leases.postpone(held, reason=error.code)
    if not postponed:
        return _fail(runtime, run, error.code, final=True, now=now)
    log.warning("reconciliation.postponed", code=error.code, postponements=held.postponements)
    return "postponed"


def _fail(runtime: Runtime, run: ReconciliationRun, reason: str, *, final: bool, now: Callable[[], datetime]) -> str:
    with runtime.transaction() as session:
        held = leases.hold(session, run)
        alive = leases.fail(held, reason=reason, final=final)
        if not alive:
            _end(session, held, RunStatus.FAILED, now=now())
    return "failed" if alive else "dead"


_REVIEWS = frozenset({RunStep.REVIEW, RunStep.REVIEW_BALANCE})
_COMPARISONS: dict[RunStep, Comparison] = {
    RunStep.PAYMENTS: listed.compare_page_of_payments,
    RunStep.REFUNDS: listed.compare_page_of_refunds,
    RunStep.DISPUTES: listed.compare_page_of_disputes,
    RunStep.UNSEEN_PAYMENTS: unseen.compare_unseen_payments,
    RunStep.UNSEEN_REFUNDS: unseen.compare_unseen_refunds,
    RunStep.UNSEEN_DISPUTES: unseen.compare_unseen_disputes,
    RunStep.UNSETTLED_ATTEMPTS: unsettled.find_unsettled_attempts,
    RunStep.UNSETTLED_REFUNDS: unsettled.find_unsettled_refunds,
    RunStep.BALANCE: listed.compare_page_of_entries,
}
