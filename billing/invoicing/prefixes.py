"""Rule: how the public ids of invoices and credit notes begin, and how a line of an invoice is named."""

from uuid import UUID

from models.ids import public_id

INVOICE_PREFIX = "inv"
CREDIT_NOTE_PREFIX = "cn"
LINE_PREFIX = "line"


def line_id(invoice_id: UUID, position: int) -> str:
    """Return the public id of an invoice's line: the invoice's own characters and the line's position, `line_01h…_2`."""
    return f"{public_id(LINE_PREFIX, invoice_id)}_{position}"
