"""Use case: when a payment has moved money, tell whoever it was for."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from billing import outbox
from billing.credits.prefixes import PURCHASE_PREFIX
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.ledger.entry import Entry
from billing.payments.representation import PREFIX
from models.ids import public_id
from models.payment import Payment, PaymentPurpose


def tell_purpose(session: Session, payment: Payment, moves: Sequence[Entry], *, now: datetime) -> None:
    """Emit the event that brings the purchased credits in line with the payment, where `moves` says that it moved money.

    A refund or a dispute moves money as much as a capture does: the credits follow all of them.
    """
    if not moves or payment.purpose is not PaymentPurpose.CREDITS:
        return
    purchase = public_id(PURCHASE_PREFIX, payment.id)
    outbox.emit(
        session,
        type_="credit_purchase.payment_changed",
        object_type="credit_purchase",
        object_id=purchase,
        customer_id=payment.customer_id,
        payload={
            "id": purchase,
            "customer_id": public_id(CUSTOMER_PREFIX, payment.customer_id),
            "payment_id": public_id(PREFIX, payment.id),
            "amount_captured": payment.amount_captured_minor,
            "amount_refunded": payment.amount_refunded_minor,
            "amount_disputed": payment.amount_disputed_minor,
            "currency": payment.currency,
        },
        now=now,
    )
