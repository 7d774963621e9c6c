"""Use case: bring an invoice, and what it is of, in line with its payment.

Whoever heard of the payment's change calls this: the operation that made it, and the event that a webhook left. The rows say
what is done already, so that the second of them finds nothing to do.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.business_time import business_now
from billing.invoicing.collect import payment_of
from billing.invoicing.find import lock_invoice
from billing.invoicing.follow_refund import follow_refunds
from billing.invoicing.overpaid import keep_overpaid
from billing.invoicing.paid import mark_paid
from billing.invoicing.postings import recovered
from billing.ledger.post import post
from billing.subscriptions.find import lock_subscription
from billing.subscriptions.follow_invoice import payment_failed
from models.customer import Customer
from models.invoice import Invoice, InvoiceStatus
from models.payment import PaymentStatus

_FAILED = frozenset({PaymentStatus.REQUIRES_PAYMENT_METHOD, PaymentStatus.REQUIRES_ACTION, PaymentStatus.FAILED})
_PAYABLE = frozenset({InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE})


def follow_payment(session: Session, *, invoice_id: UUID, actor: Actor, now: datetime) -> Invoice:
    """Return the invoice as its payment has left it: paid, or waiting for another attempt.

    What the payment brought and the invoice does not want any more, because it is void or was credited meanwhile, goes to the
    customer's balance; and so does what a credit note could not refund.
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
    if payment is None:
        return invoice
    follow_refunds(session, invoice=invoice, actor=actor, at=at, now=now)
    if payment.status is PaymentStatus.SUCCEEDED:
        if invoice.status in _PAYABLE:
            left = invoice.remaining_minor
            if invoice.status is InvoiceStatus.UNCOLLECTIBLE:
                _take_back_write_off(session, invoice, amount=left, at=at, now=now)
            invoice.amount_paid_minor += min(left, payment.amount_captured_minor)
            mark_paid(session, invoice=invoice, subscription=subscription, actor=actor, at=at, now=now)
        keep_overpaid(session, invoice=invoice, payment=payment, actor=actor, at=at, now=now)
    elif payment.status in _FAILED and invoice.status in _PAYABLE:
        payment_failed(
            session,
            invoice=invoice,
            subscription=subscription,
            payment=payment,
            customer=customer,
            actor=actor,
            at=at,
            now=now,
        )
    return invoice


def _take_back_write_off(session: Session, invoice: Invoice, *, amount: int, at: datetime, now: datetime) -> None:
    entries = recovered(invoice.id, customer_id=invoice.customer_id, currency=invoice.currency, amount=amount, at=at)
    post(session, entries, now=now)
