"""Process steps: what we have and no list of the gateway showed, each object fetched by its id.

That is what was created near the edge of the run's window, what is older than the window and still moves, and what the gateway
does not have. Only the last is a difference for that alone. Ids sort by the time at which they were made, so that the primary key
finds what is in the window.
"""

from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from billing.payments.dispute_outcome import CLOSED
from billing.payments.representation import DISPUTE_PREFIX, PREFIX, REFUND_PREFIX
from billing.reconciliation import our_side, their_side
from billing.reconciliation.compare import Finding, compare_dispute, compare_payment, compare_refund
from billing.reconciliation.listed import Effect, count
from billing.reconciliation.record import record_findings
from billing.runtime import Runtime
from models.dispute import Dispute
from models.ids import first_id_at, public_id
from models.payment import Payment, PaymentStatus
from models.reconciliation import ObjectType, ReconciliationRun, ReconciliationSeen
from models.refund import Refund, RefundStatus

R = TypeVar("R", Payment, Refund, Dispute)
# Each costs a call, and a slice has to end well before its lease does.
FETCHED_PER_SLICE = 10
# What waits for a customer may wait for ever; when it moves money after all, the balance shows it.
_MOVING_PAYMENTS = (PaymentStatus.PROCESSING, PaymentStatus.REQUIRES_CAPTURE)
_MOVING_REFUNDS = (RefundStatus.PENDING, RefundStatus.REQUIRES_ACTION)


def compare_unseen_payments(runtime: Runtime, *, run: ReconciliationRun) -> Effect:
    """Fetch and compare some payments that no list showed."""
    with runtime.transaction() as session:
        in_question = or_(Payment.id >= first_id_at(run.since), Payment.status.in_(_MOVING_PAYMENTS))
        query = select(Payment).where(Payment.created_at < run.until, in_question)
        unseen = _unseen(ObjectType.PAYMENT, Payment.gateway_id, run)
        rows = session.scalars(_batch(query.where(Payment.gateway_id.is_not(None), unseen), Payment.id, run)).all()
        in_flight = our_side.busy(session, public_ids=[public_id(PREFIX, row.id) for row in rows])
    findings = [
        finding
        for row in rows
        if row.gateway_id is not None
        for finding in compare_payment(ours=row, theirs=their_side.intent_or_none(runtime, gateway_id=row.gateway_id))
    ]
    return _effect(ObjectType.PAYMENT, [row.id for row in rows], findings, in_flight)


def compare_unseen_refunds(runtime: Runtime, *, run: ReconciliationRun) -> Effect:
    """Fetch and compare some refunds that no list showed."""
    with runtime.transaction() as session:
        in_question = or_(Refund.id >= first_id_at(run.since), Refund.status.in_(_MOVING_REFUNDS))
        query = select(Refund).where(Refund.created_at < run.until, in_question)
        unseen = _unseen(ObjectType.REFUND, Refund.gateway_id, run)
        rows = session.scalars(_batch(query.where(Refund.gateway_id.is_not(None), unseen), Refund.id, run)).all()
        in_flight = our_side.busy(session, public_ids=[public_id(REFUND_PREFIX, row.id) for row in rows])
    findings = [
        finding
        for row in rows
        if row.gateway_id is not None
        for finding in compare_refund(
            ours=row, theirs=their_side.refund_or_none(runtime, gateway_id=row.gateway_id), payment_known=True
        )
    ]
    return _effect(ObjectType.REFUND, [row.id for row in rows], findings, in_flight)


def compare_unseen_disputes(runtime: Runtime, *, run: ReconciliationRun) -> Effect:
    """Fetch and compare some disputes that no list showed."""
    with runtime.transaction() as session:
        in_question = or_(Dispute.id >= first_id_at(run.since), Dispute.status.not_in(CLOSED))
        query = select(Dispute).where(Dispute.opened_at < run.until, in_question)
        unseen = _unseen(ObjectType.DISPUTE, Dispute.gateway_id, run)
        rows = session.scalars(_batch(query.where(unseen), Dispute.id, run)).all()
        in_flight = our_side.busy(session, public_ids=[public_id(DISPUTE_PREFIX, row.id) for row in rows])
    findings = [
        finding
        for row in rows
        for finding in compare_dispute(
            ours=row, theirs=their_side.dispute_or_none(runtime, gateway_id=row.gateway_id), payment_known=True
        )
    ]
    return _effect(ObjectType.DISPUTE, [row.id for row in rows], findings, in_flight)


def _unseen(
    object_type: ObjectType,
    gateway_id: InstrumentedAttribute[str] | InstrumentedAttribute[str | None],
    run: ReconciliationRun,
) -> ColumnElement[bool]:
    return ~exists().where(
        ReconciliationSeen.run_id == run.id,
        ReconciliationSeen.object_type == object_type,
        ReconciliationSeen.gateway_id == gateway_id,
    )


def _batch(query: Select[R], key: InstrumentedAttribute[UUID], run: ReconciliationRun) -> Select[R]:
    if run.cursor is not None:
        query = query.where(key > UUID(run.cursor))
    return query.order_by(key).limit(FETCHED_PER_SLICE)


def _effect(object_type: ObjectType, rows: list[UUID], findings: list[Finding], in_flight: set[str]) -> Effect:
    def effect(session: Session, held: ReconciliationRun, now: datetime) -> str | None:
        at_rest = [finding for finding in findings if finding.our_id not in in_flight]
        record_findings(session, run_id=held.id, findings=at_rest, now=now)
        count(held, **{str(object_type): len(rows), "in_flight": len(in_flight)})
        return str(rows[-1]) if len(rows) == FETCHED_PER_SLICE else None

    return effect
