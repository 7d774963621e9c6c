"""Use case: when a payment has moved money, tell whoever it was for."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from billing import outbox
from billing.credits.prefixes import PURCHASE_PREFIX
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.invoicing.prefixes import INVOICE_PREFIX
from billing.ledger.entry import Entry
from billing.payments.representation import PREFIX
from models.ids import public_id
from models.payment import Payment, PaymentPurpose


def tell_purpose(session: Session, payment: Payment, moves: Sequence[Entry], *, now: datetime) -> None:
    """Emit the event that brings what is paid for in line with the payment.

    Purchased credits follow each move of its money, of which `moves` are the entries: a refund or a dispute moves it as much as
    a capture does. An invoice follows every change: a decline counts, too.
    """
    if payment.purpose is PaymentPurpose.INVOICE and payment.invoice_id is not None:
        _tell_invoice(session, payment, payment.invoice_id, now=now)
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


def _tell_invoice(session: Session, payment: Payment, invoice_id: UUID, *, now: datetime) -> None:
    invoice = public_id(INVOICE_PREFIX, invoice_id)
    outbox.emit(
        session,
        type_="invoice.payment_changed",
        object_type="invoice",
        object_id=invoice,
        customer_id=payment.customer_id,
        payload={
            "id": invoice,
            "customer_id": public_id(CUSTOMER_PREFIX, payment.customer_id),
            "payment_id": public_id(PREFIX, payment.id),
            "payment_status": str(payment.status),
            "decline_code": payment.decline_code,
        },
        now=now,
    )
