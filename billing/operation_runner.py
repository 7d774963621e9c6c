"""Process: take due operations, perform them, and give each its outcome.

Payments that nobody has begun with are most of the work, and simple: several are claimed, prepared and settled together,
which takes a fraction of the statements, while their calls run side by side. Whatever is not simple (a call that was begun
before, a transaction that could not be committed together, another kind) goes alone. A row that failed once is never in a
batch again, so one that kills its holder costs its neighbours one life at most.

If the process dies: before the claim commits, nothing has happened; after it, the lease runs out and the operation is
performed again, with the same idempotency keys; once the outcome has committed, nothing is due any more.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

import redis
import structlog
from sqlalchemy import func
from sqlalchemy.orm import Session

from billing import leases
from billing.actor import WORKER
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.errors import BillingError, InvariantBroken, Unavailable
from billing.fail_points import fail_point
from billing.hints import Hint
from billing.invoicing.perform_payment import PaymentMade, perform_invoice_payment
from billing.metrics import WORK
from billing.observations import OBSERVE_TRIES_MAX, StaleObservation
from billing.operation_groups import follow_together, prepare_together, settle_together
from billing.operation_outcome import OperationOutcome, Settlement
from billing.payments.perform import PaymentSettlement, make_call, perform_payment_operation
from billing.performers import PERFORMERS, WHEN_FAILED
from billing.runtime import Runtime
from billing.work_desk import SEATS
from models.ids import public_id
from models.operation import Operation, OperationStatus

FINISHED_CHANNEL = "billing:operation-finished"

# How many are claimed at once; while so many go alone, each with a connection of its own, nothing more is; how long one leads.
TOGETHER_MAX = 8
ALONE_MAX = 4
LEAD_SECONDS_MAX = 5.0
# While calls are under way, who leads looks at the rows at least this often, so nobody needs to be told of one; and an answer
# that is not the last is held for a moment, so that those right behind it are committed with it.
LOOK_SECONDS = 0.05
GATHER_SECONDS = 0.01
log = structlog.get_logger(__name__)


class OperationGaveUp(InvariantBroken):
    """The operation failed by our own fault too often, or the gateway did not answer for a day; a person has to look."""

    code = "operation_gave_up"


def run_due_operations(
    runtime: Runtime, *, now: Callable[[], datetime], looking: Callable[[bool], None] = lambda _again: None
) -> int:
    """Perform operations until none is due, or for a few seconds; return how many. 0 too when another thread leads already.

    `now` is asked at each step, because a call may take long. `looking` is called before each look at the rows: with True when
    another look is to come, so that nobody has to be told of rows that are added meanwhile.
    """
    desk = runtime.desk
    if not desk.take_the_lead():
        return 0
    try:
        return _lead(runtime, now=now, looking=looking)
    except BaseException:
        desk.give_up()
        raise


class _UnderWay(NamedTuple):
    """What the threads of the desk are at: calls whose answers the leader settles, and operations that go alone."""

    calls: dict[Future[PaymentSettlement], Operation]
    alone: set[Future[None]]


def _lead(runtime: Runtime, *, now: Callable[[], datetime], looking: Callable[[bool], None]) -> int:
    desk, under_way, performed = runtime.desk, _UnderWay({}, set()), 0
    deadline = time.monotonic() + LEAD_SECONDS_MAX
    while True:
        desk.rung()
        room = _room(under_way) if time.monotonic() < deadline else 0
        looking(room > 0 and bool(under_way.calls or under_way.alone))
        begun = _begin_if_possible(runtime, under_way, limit=room, now=now) if room else 0
        performed += begun
        if begun and begun == room:
            runtime.send_hint(Hint.OPERATIONS)  # there may be more: another process may have room for it
        if under_way.calls or under_way.alone:
            gather = GATHER_SECONDS if len(under_way.calls) > 1 else 0.0
            ended = desk.wait_for_news(seconds=LOOK_SECONDS, gather_seconds=gather)
            under_way.alone.difference_update(ended)
            answered = [(under_way.calls.pop(call), call) for call in ended if call in under_way.calls]
            _settle_together(runtime, answered, now=now)
        elif time.monotonic() >= deadline:
            desk.give_up()
            runtime.send_hint(Hint.OPERATIONS)  # the time is up, not the work: somebody goes on
            return performed
        elif desk.leave():
            return performed


def _room(under_way: _UnderWay) -> int:
    """Return how many more may be begun with at once."""
    if len(under_way.alone) >= ALONE_MAX:
        return 0
    return min(TOGETHER_MAX, SEATS - len(under_way.calls) - len(under_way.alone))


def _begin_if_possible(runtime: Runtime, under_way: _UnderWay, *, limit: int, now: Callable[[], datetime]) -> int:
    try:
        return _begin(runtime, under_way, limit=limit, now=now)
    except Unavailable as error:
        if not (under_way.calls or under_way.alone):
            raise
        log.warning("operations.not_claimed", code=error.code)  # first those under way: their answers must not be lost
        return 0


def _begin(runtime: Runtime, under_way: _UnderWay, *, limit: int, now: Callable[[], datetime]) -> int:
    """Claim up to `limit` that are due and let their calls be made; return how many there were."""
    claimed = _claim(runtime, limit=limit, now=now)
    prepared = prepare_together(runtime, [operation for operation in claimed if _is_simple(operation)], now=now)
    for operation in claimed:
        with _logged(operation):
            if operation.id in prepared:
                call = partial(make_call, runtime, prepared[operation.id], now=now())
                under_way.calls[runtime.desk.call(call)] = operation
            else:
                under_way.alone.add(runtime.desk.call(partial(_run_alone, runtime, operation, now=now)))
    return len(claimed)


def _claim(runtime: Runtime, *, limit: int, now: Callable[[], datetime]) -> Sequence[Operation]:
    with runtime.statements() as connection, Session(connection, expire_on_commit=False) as session:
        claimed = leases.claim(
            session,
            Operation,
            limit=limit,
            lease_seconds=runtime.settings.WORK_LEASE_SECONDS,
            busy_status=OperationStatus.RUNNING,
            also={"started_at": func.coalesce(Operation.started_at, now())},
        )
    if claimed:
        fail_point("operation.claimed")
    return claimed


def _is_simple(operation: Operation) -> bool:
    """Return whether this is the operation of a payment, or of an invoice's, that nobody has begun with."""
    simple = PERFORMERS[operation.kind] is perform_payment_operation or _is_of_an_invoice(operation)
    return simple and not operation.was_begun_before


def _is_of_an_invoice(operation: Operation) -> bool:
    """Return whether an invoice follows the operation's payment, in a transaction behind that of the payment."""
    return PERFORMERS[operation.kind] is perform_invoice_payment


def _logged(operation: Operation) -> AbstractContextManager[object]:
    """Name the operation on every log line."""
    return structlog.contextvars.bound_contextvars(
        operation=operation.kind,
        operation_id=str(operation.id),
        customer_id=public_id(CUSTOMER_PREFIX, operation.customer_id) if operation.customer_id is not None else None,
        request_id=operation.request_id,
    )


def _settle_together(
    runtime: Runtime,
    answered: Sequence[tuple[Operation, Future[PaymentSettlement]]],
    *,
    now: Callable[[], datetime],
) -> None:
    """Commit what some calls brought at once, and what follows; each alone when they cannot be, or when its call failed."""
    brought = [(operation, call.result()) for operation, call in answered if call.exception() is None]
    settled = settle_together(runtime, brought, has_more=_is_of_an_invoice, now=now)
    to_follow = [operation for operation, _ in brought if operation.id in settled and _is_of_an_invoice(operation)]
    followed = follow_together(runtime, to_follow, now=now)
    for operation, call in answered:
        if operation.id not in settled:
            _run_alone(runtime, operation, now=now, perform=partial(_answer_of, operation, call))
        elif operation in to_follow and operation.id not in followed:
            _run_alone(runtime, operation, now=now)
        else:
            fail_point("operation.after_commit")
            with _logged(operation):
                _announce(runtime, operation, outcome="finished")


def _answer_of(operation: Operation, call: Future[PaymentSettlement]) -> Settlement:
    """Return what the operation's call brought, as whoever performs it alone would. Raises what the call raised."""
    return PaymentMade(call.result()) if _is_of_an_invoice(operation) else call.result()


def _run_alone(
    runtime: Runtime,
    operation: Operation,
    *,
    now: Callable[[], datetime],
    perform: Callable[[], Settlement] | None = None,
) -> None:
    """Perform one operation (by `perform`, where its call is made already) and settle it.

    When not even its failure could be written down, its lease brings it back.
    """
    with _logged(operation):
        try:
            _try(runtime, operation, perform or partial(_perform, runtime, operation, now=now), now=now)
        except leases.LeaseLost:
            log.warning("operation.lease_lost")
        except Exception as error:  # noqa: BLE001 - the row is there, and says when it is due again
            log.warning("operation.left_to_its_lease", error=type(error).__name__)


def _perform(runtime: Runtime, operation: Operation, *, now: Callable[[], datetime]) -> Settlement:
    return PERFORMERS[operation.kind](runtime, operation=operation, now=now())


def _try(
    runtime: Runtime, operation: Operation, perform: Callable[[], Settlement], *, now: Callable[[], datetime]
) -> None:
    try:
        if leases.died_too_often(operation):
            _give_up(runtime, operation, "the operation was cut off too often; see the log", now=now)
            return
        _settle(runtime, operation, perform(), now=now)
    except leases.LeaseLost:
        raise
    except Unavailable as error:
        _postpone(runtime, operation, error, now=now)
    except BillingError as error:
        if isinstance(error, InvariantBroken):
            log.error("operation.invariant_broken", code=error.code, detail=error.detail)  # noqa: TRY400 - the detail says it
        _finish(runtime, operation, OperationOutcome.failed(error), now=now)
    except Exception as error:
        log.exception("operation.failed")
        _count_failure(runtime, operation, error, now=now)


def _settle(runtime: Runtime, operation: Operation, settlement: Settlement, *, now: Callable[[], datetime]) -> None:
    actor = WORKER._replace(request_id=operation.request_id)
    fail_point("operation.alone_before_settlement")
    if operation.was_begun_before:
        # Under a repeated key the gateway answers as it did the first time: older, maybe, than what an event told us since.
        settlement.refresh(runtime)
    for _ in range(OBSERVE_TRIES_MAX):
        try:
            with runtime.transaction() as session:
                held = leases.hold(session, operation)
                outcome = settlement.apply(session, actor=actor, now=now())
                if isinstance(outcome, OperationOutcome):
                    outcome.give_to(held, now=now())
                else:
                    pause = outcome.pause if outcome is not None else timedelta(0)
                    leases.give_back(session, [held], idle_status=OperationStatus.QUEUED, pause=pause)
                fail_point("operation.alone_before_commit")
        except StaleObservation:
            settlement.refresh(runtime)
        else:
            fail_point("operation.alone_after_commit")
            if isinstance(outcome, OperationOutcome):
                _announce(runtime, operation, outcome="finished")
            return
    raise Unavailable("the payment changes faster than it can be read")


def _finish(runtime: Runtime, operation: Operation, outcome: OperationOutcome, *, now: Callable[[], datetime]) -> None:
    with runtime.transaction() as session:
        held = leases.hold(session, operation)
        _fail(session, held, outcome, now=now())
    _announce(runtime, operation, outcome="refused")


def _fail(session: Session, held: Operation, outcome: OperationOutcome, *, now: datetime) -> None:
    if held.kind in WHEN_FAILED:
        WHEN_FAILED[held.kind](session, operation=held, actor=WORKER._replace(request_id=held.request_id), now=now)
    outcome.give_to(held, now=now)


def _give_up(runtime: Runtime, operation: Operation, detail: str, *, now: Callable[[], datetime]) -> None:
    log.error("operation.gave_up", detail=detail)
    _finish(runtime, operation, OperationOutcome.failed(OperationGaveUp(detail)), now=now)


def _postpone(runtime: Runtime, operation: Operation, error: Unavailable, *, now: Callable[[], datetime]) -> None:
    fail_point("operation.before_postponement")
    with runtime.transaction() as session:
        held = leases.hold(session, operation)
        postponed = leases.postpone(held, reason=error.code)
        held.status = OperationStatus.QUEUED
    if not postponed:
        _give_up(runtime, operation, error.detail, now=now)
        return
    WORK.labels(table="operations", kind=operation.kind, outcome="postponed").inc()
    log.warning("operation.postponed", code=error.code, postponements=held.postponements)


def _count_failure(runtime: Runtime, operation: Operation, error: Exception, *, now: Callable[[], datetime]) -> None:
    with runtime.transaction() as session:
        held = leases.hold(session, operation)
        alive = leases.fail(held, reason=type(error).__name__)
        held.status = OperationStatus.QUEUED
        if not alive:
            gave_up = OperationGaveUp("the operation failed too often; see the log")
            _fail(session, held, OperationOutcome.failed(gave_up), now=now())
    _announce(runtime, operation, outcome="failed" if alive else "dead")


def _announce(runtime: Runtime, operation: Operation, *, outcome: str) -> None:
    """Wake whoever waits for this operation. Who misses it reads the row when its time is up."""
    WORK.labels(table="operations", kind=operation.kind, outcome=outcome).inc()
    log.info("operation.ended", outcome=outcome)
    try:
        runtime.redis.publish(FINISHED_CHANNEL, str(operation.id))
    except redis.RedisError as error:
        log.warning("operation.not_announced", error=type(error).__name__)
