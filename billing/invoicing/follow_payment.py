"""Use case: bring an invoice, and what it is of, in line with its payment.

Whoever heard of the payment's change calls this: the operation that made it, and the event that a webhook left. The rows say
what is done already, so that the second of them finds nothing to do.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.business_time import business_now
from billing.facts import record_fact
from billing.invoicing.collect import payment_of
from billing.invoicing.find import lock_invoice, represented
from billing.invoicing.postings import recovered
from billing.ledger.entry import Entry
from billing.ledger.post import post
from billing.settings import Settings
from billing.subscriptions.find import lock_subscription
from billing.subscriptions.follow_invoice import invoice_paid, payment_failed
from models.customer import Customer
from models.invoice import Invoice, InvoiceStatus
from models.payment import PaymentStatus

_FAILED = frozenset({PaymentStatus.REQUIRES_PAYMENT_METHOD, PaymentStatus.REQUIRES_ACTION, PaymentStatus.FAILED})
_PAYABLE = frozenset({InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE})


def follow_payment(session: Session, *, invoice_id: UUID, settings: Settings, actor: Actor, now: datetime) -> Invoice:
    """Return the invoice as its payment has left it: paid, or waiting for another attempt.

    Locks customer, subscription and invoice, in this order. `now` is real time.
    """
    invoice = session.get_one(Invoice, invoice_id)
    customer = session.get_one(Customer, invoice.customer_id, with_for_update=True)
    at = business_now(session, customer_id=invoice.customer_id, now=now)
    subscription = (
        lock_subscription(session, subscription_id=invoice.subscription_id) if invoice.subscription_id else None
    )
    invoice = lock_invoice(session, invoice_id=invoice_id)
    payment = payment_of(session, invoice=invoice)
    if payment is None or invoice.status not in _PAYABLE:
        return invoice
    if payment.status is PaymentStatus.SUCCEEDED:
        before = invoice.status
        if before is InvoiceStatus.UNCOLLECTIBLE:
            post(session, _recovered(invoice, at=at), now=now)
        invoice.amount_paid_minor = payment.amount_captured_minor
        invoice.status, invoice.paid_at, invoice.updated_at = InvoiceStatus.PAID, at, at
        session.flush()
        (state,) = represented(session, [invoice])
        record_fact(
            session,
            fact="invoice.paid",
            object_type="invoice",
            state=state,
            customer_id=invoice.customer_id,
            before={"status": str(before)},
            after={"status": str(invoice.status)},
            actor=actor,
            now=now,
        )
        invoice_paid(
            session, invoice=invoice, subscription=subscription, settings=settings, actor=actor, at=at, now=now
        )
    elif payment.status in _FAILED:
        payment_failed(
            session,
            invoice=invoice,
            subscription=subscription,
            payment=payment,
            customer=customer,
            settings=settings,
            actor=actor,
            at=at,
            now=now,
        )
    return invoice


def _recovered(invoice: Invoice, *, at: datetime) -> list[Entry]:
    left = invoice.amount_due_minor - invoice.amount_paid_minor
    return recovered(invoice.id, customer_id=invoice.customer_id, currency=invoice.currency, amount=left, at=at)
