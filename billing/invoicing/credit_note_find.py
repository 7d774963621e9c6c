"""Reading credit notes with what belongs to them, and what they have left of an invoice."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from billing.errors import NotFound
from billing.invoicing.credit_note_representation import credit_note_representation
from billing.invoicing.credit_split import Shares
from billing.invoicing.issue import Parts
from billing.invoicing.prefixes import CREDIT_NOTE_PREFIX
from models.credit_note import CreditNote, CreditNoteLine, CreditNoteTax
from models.ids import MalformedId, row_id
from models.refund import Refund


class CreditNoteNotFound(NotFound):
    """There is no such credit note for this caller."""

    code = "credit_note_not_found"


class Creditable(NamedTuple):
    """What an invoice is, and what credit notes have left of it, both by line and by tax."""

    whole: Shares
    left: Shares


def find_credit_note(session: Session, *, public: str, own: UUID | None) -> CreditNote:
    """Return the credit note; `own` limits to one customer's own. Raises CreditNoteNotFound."""
    try:
        found = session.get(CreditNote, row_id(CREDIT_NOTE_PREFIX, public))
    except MalformedId:
        found = None
    if found is None or own not in {None, found.customer_id}:
        raise CreditNoteNotFound(f"there is no credit note {public!r}")
    return found


def credit_notes(*, customer_id: UUID | None, invoice_id: UUID | None) -> Select[CreditNote]:
    """Return the query of credit notes, in no order."""
    query = select(CreditNote)
    if customer_id is not None:
        query = query.where(CreditNote.customer_id == customer_id)
    if invoice_id is not None:
        query = query.where(CreditNote.invoice_id == invoice_id)
    return query


def creditable(session: Session, parts: Parts) -> Creditable:
    """Return what can be taken back of an invoice, whose lock the caller holds."""
    invoice_id = parts.invoice.id
    by_line = dict(
        session.execute(
            select(CreditNoteLine.line_position, func.sum(CreditNoteLine.amount_minor))
            .where(CreditNoteLine.invoice_id == invoice_id)
            .group_by(CreditNoteLine.line_position)
        ).all()
    )
    by_tax = dict(
        session.execute(
            select(CreditNoteTax.position, func.sum(CreditNoteTax.amount_minor))
            .join(CreditNote, CreditNote.id == CreditNoteTax.credit_note_id)
            .where(CreditNote.invoice_id == invoice_id)
            .group_by(CreditNoteTax.position)
        ).all()
    )
    whole = Shares(tuple(line.net_minor for line in parts.lines), tuple(tax.amount_minor for tax in parts.taxes))
    left = Shares(
        tuple(line.net_minor - int(by_line.get(line.position, 0)) for line in parts.lines),
        tuple(tax.amount_minor - int(by_tax.get(tax.position, 0)) for tax in parts.taxes),
    )
    return Creditable(whole, left)


def represented(session: Session, found: Sequence[CreditNote]) -> list[dict[str, object]]:
    """Return credit notes as callers see them, in the order given; three queries, however many there are."""
    ids = [note.id for note in found]
    lines: dict[UUID, list[CreditNoteLine]] = {note_id: [] for note_id in ids}
    for line in session.scalars(
        select(CreditNoteLine).where(CreditNoteLine.credit_note_id.in_(ids)).order_by(CreditNoteLine.position)
    ):
        lines[line.credit_note_id].append(line)
    taxes: dict[UUID, list[CreditNoteTax]] = {note_id: [] for note_id in ids}
    for tax in session.scalars(
        select(CreditNoteTax).where(CreditNoteTax.credit_note_id.in_(ids)).order_by(CreditNoteTax.position)
    ):
        taxes[tax.credit_note_id].append(tax)
    refund_ids = [note.refund_id for note in found if note.refund_id is not None]
    refunds = {refund.id: refund for refund in session.scalars(select(Refund).where(Refund.id.in_(refund_ids)))}
    return [
        credit_note_representation(
            note,
            lines=lines[note.id],
            taxes=taxes[note.id],
            refund=refunds[note.refund_id] if note.refund_id is not None else None,
        )
        for note in found
    ]
