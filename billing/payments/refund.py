"""Use case: ask for a refund. What is asked for is reserved at once, so that two requests cannot both get the rest."""

from datetime import datetime

from sqlalchemy.orm import Session

from billing import audit, operations
from billing.actor import Actor
from billing.errors import FieldFault, Invalid
from billing.payments.find import disputes_of, refunds_of
from billing.payments.lifecycle import REFUNDABLE, require_state
from billing.payments.outcome import record_change
from billing.payments.refundable import left_to_refund
from billing.payments.representation import REFUND_PREFIX, event_payload, refund_representation
from models.ids import new_id, public_id
from models.operation import Operation
from models.payment import Payment
from models.refund import Refund, RefundStatus

OPERATION_KIND = "payment.refund"


class RefundTooLarge(Invalid):
    """More was to be given back than is left."""

    code = "refund_too_large"


def request_refund(
    session: Session, *, payment: Payment, amount_minor: int | None, reason: str | None, actor: Actor, now: datetime
) -> tuple[Refund, Operation]:
    """Reserve a refund on a locked payment and leave the operation that takes it to the gateway.

    Without an amount, all that is left. Raises PaymentNotInState and RefundTooLarge.
    """
    refund = reserve_refund(session, payment=payment, amount_minor=amount_minor, reason=reason, actor=actor, now=now)
    operation = operations.enqueue(
        session,
        kind=OPERATION_KIND,
        customer_id=payment.customer_id,
        resource_type="refund",
        resource_id=public_id(REFUND_PREFIX, refund.id),
        params={},
        actor=actor,
        now=now,
    )
    return refund, operation


def reserve_refund(
    session: Session, *, payment: Payment, amount_minor: int | None, reason: str | None, actor: Actor, now: datetime
) -> Refund:
    """Reserve a refund on a locked payment, for an operation of the same transaction that takes it to the gateway.

    Without an amount, all that is left. Raises PaymentNotInState and RefundTooLarge.
    """
    require_state(payment, allowed=REFUNDABLE, to="refund")
    left = left_to_refund(payment)
    wanted = left if amount_minor is None else amount_minor
    if not 0 < wanted <= left:
        held = f" ({payment.amount_disputed_minor} are held by disputes)" if payment.amount_disputed_minor else ""
        detail = f"{left} {payment.currency} minor units are left to refund{held}, {wanted} were asked for"
        raise RefundTooLarge(detail, errors=[FieldFault("/amount", "too_large", detail)])
    refund = Refund(
        id=new_id(),
        payment_id=payment.id,
        status=RefundStatus.PENDING,
        amount_minor=wanted,
        currency=payment.currency,
        reason=reason,
        created_at=now,
        updated_at=now,
    )
    before = event_payload(payment, refunds=(), disputes=())
    session.add(refund)
    payment.amount_refunded_minor += wanted
    payment.updated_at = now
    session.flush()
    audit.record(
        session,
        actor=actor,
        action="refund.requested",
        object_type="refund",
        object_id=public_id(REFUND_PREFIX, refund.id),
        before=None,
        after=refund_representation(refund),
        now=now,
    )
    changed_before, changed_after = audit.changed_fields(before, event_payload(payment, refunds=(), disputes=()))
    record_change(
        session,
        payment=payment,
        refunds=refunds_of(session, payment_id=payment.id),
        disputes=disputes_of(session, payment_id=payment.id),
        before=changed_before,
        after=changed_after,
        actor=actor,
        now=now,
    )
    return refund
