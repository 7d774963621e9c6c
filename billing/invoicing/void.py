"""Use case: take an issued invoice back. Its number stays, and says that nothing is owed under it."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.dunning.case import end_case, open_case_of
from billing.errors import Conflict
from billing.facts import record_fact
from billing.invoicing.balance import move_balance
from billing.invoicing.collect import payment_of
from billing.invoicing.find import represented
from billing.invoicing.postings import recovered, voided
from billing.ledger.entry import Entry
from billing.ledger.post import post
from billing.payments.lifecycle import CANCELABLE
from billing.payments.outcome import lock_payment
from billing.payments.requests import request_cancellation
from models.credit_note import CreditNote
from models.customer import Customer
from models.dunning import DunningStatus
from models.invoice import Invoice, InvoiceStatus


class InvoiceNotVoidable(Conflict):
    """The invoice is a draft, paid, or void already."""

    code = "invoice_not_voidable"


def void(session: Session, *, customer: Customer, invoice: Invoice, actor: Actor, at: datetime, now: datetime) -> None:
    """Void an invoice of which nothing is paid; what the customer's balance paid of it comes back, and its payment is canceled.

    Of one that was credited in part, the rest is taken back; of one that was given up, the write-off first.

    The caller holds the locks of customer, subscription and invoice. Raises InvoiceNotVoidable.
    """
    if invoice.status not in {InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE} or invoice.amount_paid_minor:
        raise InvoiceNotVoidable(f"an invoice that is {invoice.status} cannot be voided; write a credit note instead")
    before, credited_tax = str(invoice.status), _credited_tax(session, invoice)
    entries: list[Entry] = []
    if invoice.status is InvoiceStatus.UNCOLLECTIBLE:
        entries += recovered(
            invoice.id,
            customer_id=customer.id,
            currency=invoice.currency,
            amount=invoice.remaining_minor,
            at=at,
        )
    invoice.status, invoice.voided_at, invoice.updated_at = InvoiceStatus.VOID, at, at
    move_balance(session, customer_id=customer.id, currency=invoice.currency, amount=invoice.balance_minor, at=at)
    entries += voided(
        invoice.id,
        customer_id=customer.id,
        currency=invoice.currency,
        total=invoice.total_minor - invoice.amount_credited_minor,
        tax=invoice.tax_minor - credited_tax,
        balance=invoice.balance_minor,
        at=at,
    )
    post(session, entries, now=now)
    case = open_case_of(session, invoice=invoice)
    if case is not None:
        end_case(
            session, case, status=DunningStatus.CLOSED, reason="the invoice was voided", actor=actor, at=at, now=now
        )
    session.flush()
    payment = payment_of(session, invoice=invoice)
    if payment is not None and payment.status in CANCELABLE:
        request_cancellation(session, payment=lock_payment(session, payment_id=payment.id), actor=actor, now=now)
    (state,) = represented(session, [invoice])
    record_fact(
        session,
        fact="invoice.voided",
        object_type="invoice",
        state=state,
        customer_id=customer.id,
        before={"status": before},
        after={"status": str(invoice.status)},
        actor=actor,
        now=now,
    )


def _credited_tax(session: Session, invoice: Invoice) -> int:
    query = select(func.coalesce(func.sum(CreditNote.tax_minor), 0)).where(CreditNote.invoice_id == invoice.id)
    return int(session.scalars(query).one())
