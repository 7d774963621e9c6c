"""Use case: money that an invoice does not want any more stays the customer's.

A payment may succeed after its invoice was voided, or after a credit note took off what was open: its cancellation came too late.
Nobody has to notice: the customer's balance grows by it, and pays of the next invoices.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.facts import record_fact
from billing.invoicing.balance import move_balance
from billing.invoicing.find import represented
from billing.invoicing.postings import overpaid
from billing.ledger.post import post
from models.invoice import Invoice
from models.payment import Payment


def keep_overpaid(
    session: Session, *, invoice: Invoice, payment: Payment, actor: Actor, at: datetime, now: datetime
) -> None:
    """Move what a payment brought above what its invoice took to the customer's balance, once; or do nothing.

    The caller holds the locks of customer and invoice. Of 3480 that came for a void invoice, 3480.
    """
    excess = payment.amount_captured_minor - invoice.amount_paid_minor
    if excess <= 0:
        return
    entries = overpaid(
        payment.id, invoice.id, customer_id=invoice.customer_id, currency=invoice.currency, amount=excess, at=at
    )
    if not post(session, entries, now=now):
        return  # its entry is there: it was kept before
    move_balance(session, customer_id=invoice.customer_id, currency=invoice.currency, amount=excess, at=at)
    session.flush()
    (state,) = represented(session, [invoice])
    record_fact(
        session,
        fact="invoice.overpaid",
        object_type="invoice",
        state=state,
        customer_id=invoice.customer_id,
        before=None,
        after={"status": str(invoice.status), "to_balance_amount": excess},
        actor=actor,
        now=now,
    )
