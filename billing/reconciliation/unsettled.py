"""Process steps: calls to the gateway of which nobody knows what came, and which no operation follows any more.

Such a call blocks every further one on its payment, or reserves a refund. Nothing is asked of the gateway here: a person lets it
be settled (see billing/reconciliation/settle.py).
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from billing.payments.representation import PREFIX, REFUND_PREFIX
from billing.reconciliation import our_side
from billing.reconciliation.compare import Finding
from billing.reconciliation.listed import Effect, count
from billing.reconciliation.record import record_findings
from billing.runtime import Runtime
from billing.timestamps import iso
from models.ids import public_id
from models.operation import Operation
from models.payment import AttemptStatus, PaymentAttempt
from models.reconciliation import DifferenceKind, Mend, ObjectType, ReconciliationRun
from models.refund import Refund, RefundStatus

BATCH = 100
# The first condition follows from the second; it is what the partial index is found by.
NOBODY_FOLLOWS = and_(
    PaymentAttempt.status.in_([AttemptStatus.IN_FLIGHT, AttemptStatus.PARKED]),
    or_(PaymentAttempt.status == AttemptStatus.PARKED, Operation.finished_at.is_not(None)),
)


def find_unsettled_attempts(_runtime: Runtime, *, run: ReconciliationRun) -> Effect:
    """Find payments whose call is parked, or in flight although its operation gave up."""
    cursor = run.cursor

    def effect(session: Session, held: ReconciliationRun, now: datetime) -> str | None:
        query = (
            select(PaymentAttempt)
            .join(Operation, Operation.id == PaymentAttempt.operation_id)
            .where(NOBODY_FOLLOWS, PaymentAttempt.started_at < held.until)
            .order_by(PaymentAttempt.id)
            .limit(BATCH)
        )
        if cursor is not None:
            query = query.where(PaymentAttempt.id > UUID(cursor))
        attempts = session.scalars(query).all()
        record_findings(session, run_id=held.id, findings=[_of_attempt(attempt) for attempt in attempts], now=now)
        count(held, attempt=len(attempts))
        return _next([attempt.id for attempt in attempts])

    return effect


def find_unsettled_refunds(_runtime: Runtime, *, run: ReconciliationRun) -> Effect:
    """Find refunds that reserve their amount, are not at the gateway, and have no operation that takes them there."""
    cursor = run.cursor

    def effect(session: Session, held: ReconciliationRun, now: datetime) -> str | None:
        query = (
            select(Refund)
            .where(Refund.status == RefundStatus.PENDING, Refund.gateway_id.is_(None), Refund.created_at < held.until)
            .order_by(Refund.id)
            .limit(BATCH)
        )
        if cursor is not None:
            query = query.where(Refund.id > UUID(cursor))
        refunds = session.scalars(query).all()
        findings = unsettled_refunds(session, refunds=refunds)
        record_findings(session, run_id=held.id, findings=findings, now=now)
        count(held, attempt=len(findings))
        return _next([refund.id for refund in refunds])

    return effect


def unsettled_attempts(session: Session, *, payment_id: UUID) -> list[Finding]:
    """Return the payment's call that nobody follows any more, if there is one."""
    query = (
        select(PaymentAttempt)
        .join(Operation, Operation.id == PaymentAttempt.operation_id)
        .where(NOBODY_FOLLOWS, PaymentAttempt.payment_id == payment_id)
    )
    return [_of_attempt(attempt) for attempt in session.scalars(query)]


def unsettled_refunds(session: Session, *, refunds: Sequence[Refund]) -> list[Finding]:
    """Return those of the refunds that are not at the gateway, and that nobody takes there any more."""
    waiting = [refund for refund in refunds if refund.status is RefundStatus.PENDING and refund.gateway_id is None]
    followed = our_side.busy(session, public_ids=[public_id(REFUND_PREFIX, refund.id) for refund in waiting])
    return [_of_refund(refund) for refund in waiting if public_id(REFUND_PREFIX, refund.id) not in followed]


def _of_attempt(attempt: PaymentAttempt) -> Finding:
    ours: dict[str, object] = {
        "call": str(attempt.kind),
        "status": str(attempt.status),
        "idempotency_key": attempt.idempotency_key,
        "started_at": iso(attempt.started_at),
    }
    our_id = public_id(PREFIX, attempt.payment_id)
    kind = DifferenceKind.ATTEMPT_UNSETTLED
    return Finding(ObjectType.ATTEMPT, kind, our_id, None, ours, None, Mend.SETTLE_ATTEMPT)


def _of_refund(refund: Refund) -> Finding:
    ours: dict[str, object] = {
        "call": "refund",
        "status": str(refund.status),
        "amount": refund.amount_minor,
        "currency": refund.currency,
        "idempotency_key": refund.idempotency_key,
        "started_at": iso(refund.created_at),
    }
    our_id = public_id(REFUND_PREFIX, refund.id)
    kind = DifferenceKind.ATTEMPT_UNSETTLED
    return Finding(ObjectType.REFUND, kind, our_id, None, ours, None, Mend.SETTLE_ATTEMPT)


def _next(ids: Sequence[UUID]) -> str | None:
    return str(ids[-1]) if len(ids) == BATCH else None
