"""Use case: nothing is left to pay of an invoice: it is paid, and what it is of goes on."""

from datetime import datetime

from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.facts import record_fact
from billing.invoicing.find import represented
from billing.subscriptions.follow_invoice import invoice_paid
from models.invoice import Invoice, InvoiceStatus
from models.subscription import Subscription


def mark_paid(
    session: Session,
    *,
    invoice: Invoice,
    subscription: Subscription | None,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> None:
    """Say that an open or uncollectible invoice is paid. Customer, subscription and invoice are locked by the caller."""
    before = invoice.status
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
    invoice_paid(session, invoice=invoice, subscription=subscription, actor=actor, at=at, now=now)
