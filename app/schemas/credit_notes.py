"""Credit notes."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app.schemas.base import (
    AmountMinor,
    Answered,
    CustomerId,
    Metadata,
    OperationRef,
    Page,
    PageQuery,
    PathParts,
    RequestBody,
)
from app.schemas.invoices import INVOICE_ID_EXAMPLE, LINE_ID_EXAMPLE
from app.schemas.payments import Refund

CREDIT_NOTE_ID_EXAMPLE = "cn_01h455vb4pex5vsknk084sn02q"


class CreditNotePath(PathParts):
    """The credit note in the path."""

    credit_note_id: str = Field(examples=[CREDIT_NOTE_ID_EXAMPLE])


class CreditNoteQuery(PageQuery):
    """Which credit notes."""

    customer_id: CustomerId | None = None
    invoice_id: Annotated[str, Field(examples=[INVOICE_ID_EXAMPLE])] | None = None


class CreditNoteLineCreate(RequestBody):
    """So much of one line."""

    line_id: Annotated[str, StringConstraints(max_length=64), Field(examples=[LINE_ID_EXAMPLE])]
    amount: AmountMinor = Field(description="net, in minor units; its tax is taken back with it")


class CreditNoteCreate(RequestBody):
    """What to take back: a gross amount, or lines; one of the two."""

    amount: AmountMinor | None = Field(None, description="gross: with its tax, parted over all lines")
    lines: Annotated[list[CreditNoteLineCreate], Field(min_length=1, max_length=250)] | None = None
    give_back: Literal["credit", "refund"] = Field(
        "credit", description="where goes what was paid: to the customer's balance, or back to the payment"
    )
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    metadata: Metadata = Field(default_factory=dict)


class CreditNoteLine(Answered):
    """What of one line is taken back, net."""

    line_id: str = Field(examples=[LINE_ID_EXAMPLE])
    description: str
    amount: int = Field(description="negative for a line that was negative")
    currency: str
    formula: str = Field(examples=["12.00/120.00 × 60.00"])


class CreditNoteTax(Answered):
    """What of one tax is taken back."""

    name: str
    rate: str = Field(examples=["0.2"])
    taxable_amount: int
    amount: int


class CreditNote(Answered):
    """A credit note, in minor units: subtotal + tax = total = open + balance + refund."""

    id: str = Field(examples=[CREDIT_NOTE_ID_EXAMPLE])
    number: str = Field(examples=["INV-CN-2026-000001"])
    invoice_id: str
    customer_id: str
    currency: str
    lines: list[CreditNoteLine]
    subtotal_amount: int
    tax_amount: int
    taxes: list[CreditNoteTax]
    total_amount: int
    open_amount: int = Field(description="what it took off the invoice while that was not paid")
    balance_amount: int = Field(description="what it gave to the customer's balance")
    refund_amount: int = Field(description="what it gives back to the payment; 0 once that refund has failed")
    refund: Refund | None
    reason: str | None
    metadata: dict[str, str]
    created_at: str


class CreditNotePending(CreditNote):
    """A credit note whose refund has not finished."""

    operation: OperationRef


class CreditNotePage(Page):
    """Credit notes, newest first."""

    data: list[CreditNote]
