"""Invoices."""

from typing import Annotated, Literal

from pydantic import Field

from app.schemas.base import (
    Answered,
    CustomerId,
    Instant,
    OperationRef,
    Page,
    PageQuery,
    PathParts,
    PaymentMethodId,
    RequestBody,
)
from app.schemas.payments import Payment

INVOICE_ID_EXAMPLE = "inv_01h455vb4pex5vsknk084sn02q"
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


class InvoiceLine(Answered):
    """One line. `amount` is in minor units, and `formula` says where it comes from."""

    kind: LineKind
    description: str
    quantity: int
    amount: int = Field(description="negative where something is given back")
    discount_amount: int
    currency: str
    period_start: str | None
    period_end: str | None
    formula: str = Field(examples=["16/31 × 99.00"])


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


class Invoice(Answered):
    """An invoice. Amounts are minor units: subtotal - discount + tax = total; total - balance = due; due - paid = remaining."""

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
    amount_credited: int
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


class InvoicePage(Page):
    """Invoices, newest first."""

    data: list[Invoice]
