"""Invoices."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app.schemas.base import (
    Answered,
    Currency,
    CustomerId,
    Instant,
    Metadata,
    OperationRef,
    Page,
    PageQuery,
    PathParts,
    PaymentMethodId,
    RequestBody,
)
from app.schemas.payments import Payment

INVOICE_ID_EXAMPLE = "inv_01h455vb4pex5vsknk084sn02q"
LINE_ID_EXAMPLE = "line_01h455vb4pex5vsknk084sn02q_1"
Status = Literal["draft", "open", "paid", "void", "uncollectible"]
LineKind = Literal["recurring", "proration_credit", "proration_charge", "usage", "one_off", "discount", "credit_pack"]


class InvoicePath(PathParts):
    """The invoice in the path."""

    invoice_id: str = Field(examples=[INVOICE_ID_EXAMPLE])


class InvoiceQuery(PageQuery):
    """Which invoices."""

    customer_id: CustomerId | None = None
    subscription_id: Annotated[str, Field(examples=["sub_01h455vb4pex5vsknk084sn02q"])] | None = None
    status: Status | None = None
    from_: Instant | None = Field(None, alias="from", description="made at this time or later")
    to: Instant | None = Field(None, description="made before this time")


class InvoicePay(RequestBody):
    """With what to pay; without it the customer's default payment method."""

    payment_method: PaymentMethodId | None = None
    off_session: bool = Field(False, description="the customer is not there to authenticate")


class InvoiceCreate(RequestBody):
    """An invoice by hand: a draft without lines."""

    customer_id: CustomerId
    currency: Currency | None = Field(None, description="default: the customer's, else the service's CURRENCY")
    collection: Literal["automatic", "send_invoice"] = "automatic"
    days_until_due: Annotated[int, Field(ge=0, le=365)] = Field(30, description="of an invoice that is sent")
    payment_method: PaymentMethodId | None = Field(None, description="default: the customer's default payment method")
    metadata: Metadata = Field(default_factory=dict)


class InvoiceLineCreate(RequestBody):
    """A line of a draft: `quantity` of what costs `amount` each."""

    description: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    amount: Annotated[int, Field(ge=-999_999_999_999, le=999_999_999_999)] = Field(
        description="the price of one, in minor units and before tax; negative for a rebate"
    )
    quantity: Annotated[int, Field(ge=1, le=1_000_000)] = 1


class LineContent(Answered):
    """What a line says. `amount` is in minor units, and `formula` says where it comes from."""

    kind: LineKind
    description: str
    quantity: int
    amount: int = Field(description="negative where something is given back")
    discount_amount: int
    currency: str
    period_start: str | None
    period_end: str | None
    formula: str = Field(examples=["16/31 × 99.00"])


class InvoiceLine(LineContent):
    """One line of an invoice."""

    id: str = Field(examples=[LINE_ID_EXAMPLE], description="by which a credit note names it")


class InvoiceTax(Answered):
    """One tax."""

    name: str
    rate: str = Field(examples=["0.2"])
    taxable_amount: int
    amount: int
    reason: str


class InvoicePayment(Answered):
    """A payment of the invoice, in short."""

    id: str
    status: str
    amount: int
    decline_code: str | None


class InvoiceCreditNote(Answered):
    """A credit note of the invoice, in short."""

    id: str
    number: str
    amount: int
    created_at: str


class Invoice(Answered):
    """An invoice, in minor units: subtotal - discount + tax = total; total - balance = due.

    What of that is neither paid nor taken back by a credit note is the amount that remains.
    """

    id: str = Field(examples=[INVOICE_ID_EXAMPLE])
    number: str | None = Field(examples=["INV-2026-000123"], description="once it is finalized")
    status: Status
    customer_id: str
    subscription_id: str | None
    billing_reason: Literal[
        "subscription_create", "subscription_cycle", "subscription_update", "credit_purchase", "manual"
    ]
    collection: Literal["automatic", "send_invoice"]
    currency: str
    period_start: str
    period_end: str
    lines: list[InvoiceLine]
    subtotal_amount: int
    discount_amount: int
    tax_amount: int
    taxes: list[InvoiceTax]
    total_amount: int = Field(description="negative where more is given back than charged")
    balance_amount: int = Field(description="what the customer's balance pays of it; negative: what it adds to that")
    amount_due: int
    amount_paid: int
    amount_remaining: int
    amount_credited: int = Field(description="the sum of its credit notes")
    credit_notes: list[InvoiceCreditNote]
    payments: list[InvoicePayment]
    metadata: dict[str, str]
    due_at: str | None
    finalized_at: str | None
    paid_at: str | None
    voided_at: str | None
    created_at: str
    updated_at: str


class InvoicePaid(Invoice):
    """An invoice with the payment that was made."""

    payment: Payment


class InvoicePending(InvoicePaid):
    """An invoice whose payment has not finished."""

    operation: OperationRef


class InvoiceFinalized(Invoice):
    """A finalized invoice, with the payment that collects it where there is something to charge."""

    payment: Payment | None = None


class InvoiceDeleted(Answered):
    """The draft that was deleted."""

    id: str
    deleted: Literal[True]


class InvoicePage(Page):
    """Invoices, newest first."""

    data: list[Invoice]
