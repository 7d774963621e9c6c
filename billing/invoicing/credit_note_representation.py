"""What callers, events and the audit log see of a credit note."""

from collections.abc import Sequence

from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.invoicing.prefixes import CREDIT_NOTE_PREFIX, INVOICE_PREFIX, line_id
from billing.payments.representation import refund_representation
from billing.timestamps import iso
from models.credit_note import CreditNote, CreditNoteLine, CreditNoteTax
from models.ids import public_id
from models.refund import Refund


def credit_note_representation(
    note: CreditNote, *, lines: Sequence[CreditNoteLine], taxes: Sequence[CreditNoteTax], refund: Refund | None
) -> dict[str, object]:
    """Return the credit note as JSON-like data, its lines and taxes in their order."""
    return {
        "id": public_id(CREDIT_NOTE_PREFIX, note.id),
        "number": note.number,
        "invoice_id": public_id(INVOICE_PREFIX, note.invoice_id),
        "customer_id": public_id(CUSTOMER_PREFIX, note.customer_id),
        "currency": note.currency,
        "lines": [
            {
                "line_id": line_id(line.invoice_id, line.line_position),
                "description": line.description,
                "amount": line.amount_minor,
                "currency": line.currency,
                "formula": line.formula,
            }
            for line in lines
        ],
        "subtotal_amount": note.subtotal_minor,
        "tax_amount": note.tax_minor,
        "taxes": [
            {
                "name": tax.name,
                "rate": f"{tax.rate.normalize():f}",
                "taxable_amount": tax.taxable_minor,
                "amount": tax.amount_minor,
            }
            for tax in taxes
        ],
        "total_amount": note.total_minor,
        "open_amount": note.open_minor,
        "balance_amount": note.balance_minor,
        "refund_amount": note.refund_minor,
        "refund": refund_representation(refund) if refund is not None else None,
        "reason": note.reason,
        "metadata": note.metadata_,
        "created_at": iso(note.created_at),
    }
