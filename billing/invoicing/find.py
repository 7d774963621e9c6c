"""Reading invoices with what belongs to them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from billing.errors import NotFound
from billing.invoicing.issue import Parts
from billing.invoicing.prefixes import INVOICE_PREFIX
from billing.invoicing.representation import invoice_representation
from models.credit_note import CreditNote
from models.ids import MalformedId, row_id
from models.invoice import Invoice, InvoiceLine, InvoiceTax
from models.payment import Payment


class InvoiceNotFound(NotFound):
    """There is no such invoice for this caller."""

    code = "invoice_not_found"


def find_invoice(session: Session, *, public: str, own: UUID | None) -> Invoice:
    """Return the invoice; `own` limits to one customer's own. Raises InvoiceNotFound."""
    try:
        found = session.get(Invoice, row_id(INVOICE_PREFIX, public))
    except MalformedId:
        found = None
    if found is None or own not in {None, found.customer_id}:
        raise InvoiceNotFound(f"there is no invoice {public!r}")
    return found


def lock_invoice(session: Session, *, invoice_id: UUID) -> Invoice:
    """Return the invoice with its row locked and its newest values. Customer and subscription are locked before it.

    Raises InvoiceNotFound where it was a draft that somebody has deleted meanwhile.
    """
    query = select(Invoice).where(Invoice.id == invoice_id).with_for_update()
    found = session.scalar(query, execution_options={"populate_existing": True})
    if found is None:
        raise InvoiceNotFound("the draft was deleted meanwhile")
    return found


def invoices(
    *,
    customer_id: UUID | None,
    subscription_id: UUID | None,
    status: str | None,
    from_: datetime | None,
    to: datetime | None,
) -> Select[Invoice]:
    """Return the query of invoices, in no order; `from_` and `to` are half-open, of the time at which each was made."""
    query = select(Invoice)
    if customer_id is not None:
        query = query.where(Invoice.customer_id == customer_id)
    if subscription_id is not None:
        query = query.where(Invoice.subscription_id == subscription_id)
    if status is not None:
        query = query.where(Invoice.status == status)
    if from_ is not None:
        query = query.where(Invoice.created_at >= from_)
    if to is not None:
        query = query.where(Invoice.created_at < to)
    return query


def parts_of(session: Session, found: Sequence[Invoice]) -> list[Parts]:
    """Return invoices with their lines and taxes, in the order given; two queries, however many there are."""
    ids = [invoice.id for invoice in found]
    lines: dict[UUID, list[InvoiceLine]] = {invoice_id: [] for invoice_id in ids}
    for line in session.scalars(
        select(InvoiceLine).where(InvoiceLine.invoice_id.in_(ids)).order_by(InvoiceLine.position)
    ):
        lines[line.invoice_id].append(line)
    taxes: dict[UUID, list[InvoiceTax]] = {invoice_id: [] for invoice_id in ids}
    for tax in session.scalars(select(InvoiceTax).where(InvoiceTax.invoice_id.in_(ids)).order_by(InvoiceTax.position)):
        taxes[tax.invoice_id].append(tax)
    return [Parts(invoice, lines[invoice.id], taxes[invoice.id]) for invoice in found]


def represented(session: Session, found: Sequence[Invoice]) -> list[dict[str, object]]:
    """Return invoices as callers see them, in the order given; four queries, however many there are."""
    payments: dict[UUID, list[Payment]] = {invoice.id: [] for invoice in found}
    query = select(Payment).where(Payment.invoice_id.in_(payments.keys())).order_by(Payment.id)
    for payment in session.scalars(query):
        if payment.invoice_id is not None:
            payments[payment.invoice_id].append(payment)
    notes: dict[UUID, list[CreditNote]] = {invoice.id: [] for invoice in found}
    for note in session.scalars(
        select(CreditNote).where(CreditNote.invoice_id.in_(notes.keys())).order_by(CreditNote.id)
    ):
        notes[note.invoice_id].append(note)
    return [
        invoice_representation(
            parts.invoice,
            lines=parts.lines,
            taxes=parts.taxes,
            payments=payments[parts.invoice.id],
            credit_notes=notes[parts.invoice.id],
        )
        for parts in parts_of(session, found)
    ]
