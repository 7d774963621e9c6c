"""Process: take one due operation, perform it, and give it its outcome.

If the process dies: before the claim commits, nothing has happened; after it, the lease runs out and the operation is
performed again, with the same idempotency keys; once the outcome has committed, nothing is due any more.
"""

from collections.abc import Callable
from datetime import datetime

import redis
import structlog

from billing import leases
from billing.actor import WORKER
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.errors import BillingError, InvariantBroken, Unavailable
from billing.fail_points import fail_point
from billing.hints import Hint
from billing.metrics import WORK
from billing.observations import OBSERVE_TRIES_MAX, StaleObservation
from billing.operation_outcome import OperationOutcome, Settlement
from billing.payment_methods import requests as payment_method_requests
from billing.payment_methods.perform import perform_attachment, perform_detachment
from billing.payments import create as payment_create
from billing.payments import dispute_evidence
from billing.payments import refund as payment_refund
from billing.payments import requests as payment_requests
from billing.payments.perform import perform_payment_operation
from billing.payments.perform_evidence import perform_evidence_operation
from billing.payments.perform_refund import perform_refund_operation
from billing.runtime import Runtime
from billing.setup_intents import requests as setup_intent_requests
from billing.setup_intents.perform import perform_setup_operation
from billing.unit_of_work import hint_after_commit
from models.ids import public_id
from models.operation import Operation, OperationStatus

FINISHED_CHANNEL = "billing:operation-finished"

Performer = Callable[..., Settlement]
PERFORMERS: dict[str, Performer] = {
    payment_create.OPERATION_KIND: perform_payment_operation,
    payment_requests.CONFIRM_KIND: perform_payment_operation,
    payment_requests.CAPTURE_KIND: perform_payment_operation,
    payment_requests.CANCEL_KIND: perform_payment_operation,
    payment_refund.OPERATION_KIND: perform_refund_operation,
    dispute_evidence.OPERATION_KIND: perform_evidence_operation,
    payment_method_requests.ATTACH_KIND: perform_attachment,
    payment_method_requests.DETACH_KIND: perform_detachment,
    setup_intent_requests.CREATE_KIND: perform_setup_operation,
    setup_intent_requests.CONFIRM_KIND: perform_setup_operation,
}
log = structlog.get_logger(__name__)


class OperationGaveUp(InvariantBroken):
    """The operation failed by our own fault too often, or the gateway did not answer for a day; a person has to look."""

    code = "operation_gave_up"


def run_next_operation(runtime: Runtime, *, now: Callable[[], datetime]) -> bool:
    """Perform one due operation. Return False when none was due.

    `now` is asked at each step, because a call may take long.
    """
    with runtime.transaction() as session:
        claimed = leases.claim(
            session,
            Operation,
            limit=1,
            lease_seconds=runtime.settings.WORK_LEASE_SECONDS,
            busy_status=OperationStatus.RUNNING,
        )
        for operation in claimed:
            operation.started_at = operation.started_at or now()
        if claimed and leases.any_due(session, Operation):
            hint_after_commit(session, Hint.OPERATIONS)  # somebody else begins with it meanwhile
    if claimed:
        fail_point("operation.claimed")
    for operation in claimed:
        with structlog.contextvars.bound_contextvars(
            operation=operation.kind,
            operation_id=str(operation.id),
            customer_id=public_id(CUSTOMER_PREFIX, operation.customer_id),
            request_id=operation.request_id,
        ):
            try:
                _run(runtime, operation, now=now)
            except leases.LeaseLost:
                log.warning("operation.lease_lost")
    return bool(claimed)


def _run(runtime: Runtime, operation: Operation, *, now: Callable[[], datetime]) -> None:
    try:
        if leases.died_too_often(operation):
            _give_up(runtime, operation, "the operation was cut off too often; see the log", now=now)
            return
        _settle(runtime, operation, PERFORMERS[operation.kind](runtime, operation=operation, now=now()), now=now)
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
    fail_point("operation.before_settlement")
    if operation.was_begun_before:
        # Under a repeated key the gateway answers as it did the first time: older, maybe, than what an event told us since.
        settlement.refresh(runtime)
    for _ in range(OBSERVE_TRIES_MAX):
        try:
            with runtime.transaction() as session:
                held = leases.hold(session, operation)
                settlement.apply(session, actor=actor, now=now()).give_to(held, now=now())
                fail_point("operation.before_commit")
        except StaleObservation:
            settlement.refresh(runtime)
        else:
            fail_point("operation.after_commit")
            _announce(runtime, operation, outcome="finished")
            return
    raise Unavailable("the payment changes faster than it can be read")


def _finish(runtime: Runtime, operation: Operation, outcome: OperationOutcome, *, now: Callable[[], datetime]) -> None:
    with runtime.transaction() as session:
        held = leases.hold(session, operation)
        outcome.give_to(held, now=now())
    _announce(runtime, operation, outcome="refused")


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
            OperationOutcome.failed(OperationGaveUp("the operation failed too often; see the log")).give_to(
                held, now=now()
            )
    _announce(runtime, operation, outcome="failed" if alive else "dead")


def _announce(runtime: Runtime, operation: Operation, *, outcome: str) -> None:
    """Wake whoever waits for this operation. Who misses it reads the row when its time is up."""
    WORK.labels(table="operations", kind=operation.kind, outcome=outcome).inc()
    log.info("operation.ended", outcome=outcome)
    try:
        runtime.redis.publish(FINISHED_CHANNEL, str(operation.id))
    except redis.RedisError as error:
        log.warning("operation.not_announced", error=type(error).__name__)
