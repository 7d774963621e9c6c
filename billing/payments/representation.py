"""What callers, events and the audit log see of a payment, its refunds and its disputes."""

from collections.abc import Sequence

from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.invoicing.prefixes import INVOICE_PREFIX
from billing.payments.declines import explain
from billing.timestamps import iso
from models.dispute import Dispute
from models.ids import public_id
from models.payment import Payment
from models.refund import Refund

PREFIX = "pay"
REFUND_PREFIX = "re"
DISPUTE_PREFIX = "dp"


def payment_representation(
    payment: Payment, *, refunds: Sequence[Refund], disputes: Sequence[Dispute]
) -> dict[str, object]:
    """Return the payment as JSON-like data. `decline` explains the newest decline; it is gone once the payment moves on."""
    return {
        "id": public_id(PREFIX, payment.id),
        "status": str(payment.status),
        "amount": payment.amount_minor,
        "amount_captured": payment.amount_captured_minor,
        "amount_refunded": payment.amount_refunded_minor,
        "amount_disputed": payment.amount_disputed_minor,
        "currency": payment.currency,
        "customer_id": public_id(CUSTOMER_PREFIX, payment.customer_id),
        "purpose": str(payment.purpose),
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
        "invoice_id": public_id(INVOICE_PREFIX, payment.invoice_id) if payment.invoice_id else None,
        "gateway_id": payment.gateway_id,
        "refunds": [refund_representation(refund) for refund in refunds],
        "disputes": [dispute_summary(dispute) for dispute in disputes],
        "risk": None,
        "created_at": iso(payment.created_at),
        "updated_at": iso(payment.updated_at),
    }


def event_payload(payment: Payment, *, refunds: Sequence[Refund], disputes: Sequence[Dispute]) -> dict[str, object]:
    """Return the payment as events and the audit log carry it: without the client secret, which opens the payment."""
    return {**payment_representation(payment, refunds=refunds, disputes=disputes), "client_secret": None}


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


def dispute_summary(dispute: Dispute) -> dict[str, object]:
    """Return the dispute as its payment shows it, to customers as well: nothing of how it is answered."""
    return {
        "id": public_id(DISPUTE_PREFIX, dispute.id),
        "payment_id": public_id(PREFIX, dispute.payment_id),
        "status": str(dispute.status),
        "amount": dispute.amount_minor,
        "currency": dispute.currency,
        "reason": dispute.reason,
        "gateway_id": dispute.gateway_id,
        "opened_at": iso(dispute.opened_at),
        "closed_at": iso(dispute.closed_at),
    }


def dispute_representation(dispute: Dispute) -> dict[str, object]:
    """Return the dispute as operators and events see it: with the names of the evidence's fields, never their text."""
    return {
        **dispute_summary(dispute),
        "customer_id": public_id(CUSTOMER_PREFIX, dispute.customer_id),
        "network_reason_code": dispute.network_reason_code,
        "evidence_due_at": iso(dispute.evidence_due_at),
        "evidence_provided": list(dispute.evidence_provided),
        "evidence_submissions": dispute.evidence_submissions,
        "created_at": iso(dispute.created_at),
        "updated_at": iso(dispute.updated_at),
    }
