"""What callers, events and the audit log see of a payment and its refunds."""

from collections.abc import Sequence

from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.payments.declines import explain
from billing.timestamps import iso
from models.ids import public_id
from models.payment import Payment
from models.refund import Refund

PREFIX = "pay"
REFUND_PREFIX = "re"


def payment_representation(payment: Payment, *, refunds: Sequence[Refund]) -> dict[str, object]:
    """Return the payment as JSON-like data. `decline` explains the newest decline; it is gone once the payment moves on."""
    return {
        "id": public_id(PREFIX, payment.id),
        "status": str(payment.status),
        "amount": payment.amount_minor,
        "amount_captured": payment.amount_captured_minor,
        "amount_refunded": payment.amount_refunded_minor,
        "currency": payment.currency,
        "customer_id": public_id(CUSTOMER_PREFIX, payment.customer_id),
        "payment_method": payment.payment_method_id,
        "capture": str(payment.capture),
        "off_session": payment.off_session,
        "description": payment.description,
        "metadata": payment.metadata_,
        "client_secret": payment.client_secret,
        "next_action": payment.next_action,
        "decline_code": payment.decline_code,
        "decline": explain(payment.decline_code).representation() if payment.decline_code else None,
        "failure_detail": payment.failure_detail,
        "invoice_id": None,
        "gateway_id": payment.gateway_id,
        "refunds": [refund_representation(refund) for refund in refunds],
        "disputes": [],
        "risk": None,
        "created_at": iso(payment.created_at),
        "updated_at": iso(payment.updated_at),
    }


def event_payload(payment: Payment, *, refunds: Sequence[Refund]) -> dict[str, object]:
    """Return the payment as events and the audit log carry it: without the client secret, which opens the payment."""
    return {**payment_representation(payment, refunds=refunds), "client_secret": None}


def refund_representation(refund: Refund) -> dict[str, object]:
    """Return the refund as JSON-like data."""
    return {
        "id": public_id(REFUND_PREFIX, refund.id),
        "payment_id": public_id(PREFIX, refund.payment_id),
        "status": str(refund.status),
        "amount": refund.amount_minor,
        "currency": refund.currency,
        "reason": refund.reason,
        "failure_reason": refund.failure_reason,
        "gateway_id": refund.gateway_id,
        "created_at": iso(refund.created_at),
    }
