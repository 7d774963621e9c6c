"""Purchases of credits."""

from typing import Annotated, Literal

from pydantic import Field

from app.schemas.base import (
    CUSTOMER_ID_EXAMPLE,
    Answered,
    Credits,
    Currency,
    CustomerId,
    Metadata,
    OperationRef,
    Page,
    PageQuery,
    PathParts,
    PaymentMethodId,
    RequestBody,
    ReturnUrl,
)
from app.schemas.payments import Payment

_PURCHASE_ID = "cpur_01h455vb4pex5vsknk084sn02q"
Status = Literal[
    "pending",
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "canceled",
    "failed",
    "crediting",
    "completed",
]


class PurchaseCreate(RequestBody):
    """Credits to buy."""

    customer_id: CustomerId | None = Field(None, description="required, but for a customer's token, which implies it")
    amount: Credits
    currency: Currency | None = Field(None, description="in which to pay; default: the service's CURRENCY")
    payment_method: PaymentMethodId
    off_session: bool = Field(False, description="the customer is not there to authenticate")
    return_url: ReturnUrl | None = None
    metadata: Metadata = Field(default_factory=dict, description="kept with the payment")


class PurchasePath(PathParts):
    """Which purchase."""

    purchase_id: str = Field(examples=[_PURCHASE_ID])


class PurchaseQuery(PageQuery):
    """Whose purchases."""

    customer_id: CustomerId | None = None


class TakenBack(Answered):
    """Credits that were taken back, and because of what."""

    refunded: int
    disputed: int


class PurchaseSummary(Answered):
    """A purchase. `amount` is credits, `price` minor units of `currency`."""

    id: str = Field(examples=[_PURCHASE_ID])
    customer_id: str
    status: Status = Field(description="the payment's, until its money is there; then `crediting`, then `completed`")
    amount: int
    price: int
    currency: str
    credited: int = Field(description="what was given for it, less what was taken back")
    taken_back: TakenBack
    payment_id: str
    grant_id: str | None = Field(description="the grant that its credits are in; `paid_by` of a transaction names it")
    created_at: str
    completed_at: str | None


class Purchase(PurchaseSummary):
    """A purchase with its payment."""

    payment: Payment


class PurchasePending(Purchase):
    """A purchase whose operation has not finished."""

    operation: OperationRef


class PurchasePage(Page):
    """Purchases, newest first."""

    data: list[PurchaseSummary]


class AutoTopUpPath(PathParts):
    """Whose."""

    customer_id: str = Field(examples=[CUSTOMER_ID_EXAMPLE])


class AutoTopUpSet(RequestBody):
    """What shall happen when the balance falls below `threshold`: `credits.low` is told, and, if enabled, credits are bought."""

    enabled: bool
    threshold: Credits
    amount: Credits
    payment_method: PaymentMethodId | None = Field(None, description="required when enabled")
    max_per_day: Annotated[int, Field(ge=1, le=100)] = 1


class AutoTopUp(Answered):
    """What happens when the balance falls below `threshold`."""

    customer_id: str
    enabled: bool
    threshold: int
    amount: int
    payment_method: str | None
    max_per_day: int
    paused_until: str | None = Field(
        description="nothing is bought before: one was made, or not paid, or the day's are made"
    )
    updated_at: str
