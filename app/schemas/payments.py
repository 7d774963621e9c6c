"""Payments and refunds."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from app.schemas.base import (
    PAYMENT_ID_EXAMPLE,
    AmountMinor,
    Answered,
    Currency,
    CustomerId,
    DeclineBody,
    Metadata,
    OperationRef,
    Page,
    PageQuery,
    PathParts,
    PaymentId,
    PaymentMethodId,
    RequestBody,
    ReturnUrl,
)
from app.schemas.customers import NextAction
from app.schemas.disputes import DisputeSummary

Status = Literal[
    "pending",
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "requires_capture",
    "succeeded",
    "canceled",
    "failed",
]


class PaymentCreate(RequestBody):
    """A wish to be paid. `off_session` implies `confirm`."""

    customer_id: CustomerId | None = Field(None, description="required, but for a customer's token, which implies it")
    amount: AmountMinor
    currency: Currency
    payment_method: PaymentMethodId | None = None
    confirm: bool = False
    capture: Literal["automatic", "manual"] = "automatic"
    off_session: bool = False
    return_url: ReturnUrl | None = None
    description: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    metadata: Metadata = Field(default_factory=dict)


class PaymentConfirm(RequestBody):
    """The confirmation of a payment."""

    payment_id: PaymentId
    payment_method: PaymentMethodId | None = None
    return_url: ReturnUrl | None = None


class PaymentCapture(RequestBody):
    """The capture of a payment; without an amount all that is reserved."""

    amount: AmountMinor | None = None


class RefundCreate(RequestBody):
    """A refund; without an amount all that is left."""

    payment_id: PaymentId
    amount: AmountMinor | None = None
    reason: Literal["duplicate", "fraudulent", "requested_by_customer"] | None = None


class PaymentPath(PathParts):
    """The payment in the path."""

    payment_id: str = Field(examples=[PAYMENT_ID_EXAMPLE])


class PaymentQuery(PageQuery):
    """Which payments to list."""

    customer_id: CustomerId | None = None
    status: Status | None = None


class Refund(Answered):
    """Money that goes back."""

    id: str
    payment_id: str
    status: Literal["pending", "requires_action", "succeeded", "failed", "canceled"]
    amount: int
    currency: str
    reason: str | None
    failure_reason: str | None
    gateway_id: str | None
    created_at: str


class RefundPending(Refund):
    """A refund whose operation has not finished."""

    operation: OperationRef


class Payment(Answered):
    """A payment. Amounts are integers in minor units of `currency`."""

    id: str
    status: Status
    amount: int
    amount_captured: int
    amount_refunded: int = Field(description="refunds from their request on, until they fail")
    amount_disputed: int = Field(description="what disputes hold of the rest, until they are won; not refundable")
    currency: str
    customer_id: str
    purpose: Literal["sale", "credits", "invoice"] = Field(
        description="credits: it pays for the purchase of the same id, `cpur_…`"
    )
    payment_method: str | None
    capture: Literal["automatic", "manual"]
    off_session: bool
    description: str | None
    metadata: dict[str, str]
    client_secret: str | None
    next_action: NextAction | None
    decline_code: str | None
    decline: DeclineBody | None
    failure_detail: str | None
    invoice_id: str | None
    gateway_id: str | None
    refunds: list[Refund]
    disputes: list[DisputeSummary]
    risk: dict[str, Any] | None
    created_at: str
    updated_at: str


class PaymentPending(Payment):
    """A payment whose operation has not finished."""

    operation: OperationRef


class PaymentPage(Page):
    """Payments, newest first."""

    data: list[Payment]
