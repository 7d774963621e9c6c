"""Use case: give an invoice up. It stays owed, and may still be paid; the books count it as a loss meanwhile."""

from datetime import datetime

from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.dunning.case import end_case, open_case_of
from billing.errors import Conflict
from billing.facts import record_fact
from billing.invoicing.find import represented
from billing.invoicing.postings import written_off
from billing.ledger.post import post
from models.dunning import DunningStatus
from models.invoice import Invoice, InvoiceStatus


class InvoiceNotOpen(Conflict):
    """Only an open invoice can be given up."""

    code = "invoice_not_open"


def write_off(session: Session, *, invoice: Invoice, actor: Actor, at: datetime, now: datetime) -> None:
    """Mark an open invoice as uncollectible; nothing of it is tried any more. The caller holds its lock.

    Raises InvoiceNotOpen.
    """
    if invoice.status is not InvoiceStatus.OPEN:
        raise InvoiceNotOpen(f"an invoice that is {invoice.status} cannot be given up; it takes one that is open")
    invoice.status, invoice.updated_at = InvoiceStatus.UNCOLLECTIBLE, at
    left = invoice.remaining_minor
    post(
        session,
        written_off(invoice.id, customer_id=invoice.customer_id, currency=invoice.currency, amount=left, at=at),
        now=now,
    )
    case = open_case_of(session, invoice=invoice)
    if case is not None:
        reason = "the invoice was given up"
        end_case(session, case, status=DunningStatus.CLOSED, reason=reason, actor=actor, at=at, now=now)
    session.flush()
    (state,) = represented(session, [invoice])
    record_fact(
        session,
        fact="invoice.uncollectible",
        object_type="invoice",
        state=state,
        customer_id=invoice.customer_id,
        before={"status": str(InvoiceStatus.OPEN)},
        after={"status": str(invoice.status)},
        actor=actor,
        now=now,
    )
