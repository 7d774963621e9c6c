"""Use case: what a credit note could not refund becomes the customer's balance."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.facts import record_fact
from billing.invoicing.balance import move_balance
from billing.invoicing.credit_note_find import represented
from billing.invoicing.postings import refund_failed
from billing.ledger.post import post
from models.credit_note import CreditNote
from models.invoice import Invoice
from models.refund import Refund, RefundStatus

_FAILED = (RefundStatus.FAILED, RefundStatus.CANCELED)


def follow_refunds(session: Session, *, invoice: Invoice, actor: Actor, at: datetime, now: datetime) -> None:
    """Move the money of the invoice's credit notes whose refund failed to the balance; the notes say so afterwards.

    The caller holds the locks of customer and invoice.
    """
    query = (
        select(CreditNote)
        .join(Refund, Refund.id == CreditNote.refund_id)
        .where(CreditNote.invoice_id == invoice.id, CreditNote.refund_minor > 0, Refund.status.in_(_FAILED))
        .order_by(CreditNote.id)
    )
    for note in session.scalars(query, execution_options={"populate_existing": True}).all():
        amount = note.refund_minor
        note.balance_minor, note.refund_minor = note.balance_minor + amount, 0
        move_balance(session, customer_id=note.customer_id, currency=note.currency, amount=amount, at=at)
        entries = refund_failed(note.id, customer_id=note.customer_id, currency=note.currency, amount=amount, at=at)
        post(session, entries, now=now)
        session.flush()
        (state,) = represented(session, [note])
        record_fact(
            session,
            fact="credit_note.refund_failed",
            object_type="credit_note",
            state=state,
            customer_id=note.customer_id,
            before={"refund_amount": amount, "balance_amount": note.balance_minor - amount},
            after={"refund_amount": 0, "balance_amount": note.balance_minor},
            actor=actor,
            now=now,
        )
