"""Subscriptions."""

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

SUBSCRIPTION_ID_EXAMPLE = "sub_01h455vb4pex5vsknk084sn02q"
Status = Literal["incomplete", "trialing", "active", "past_due", "paused", "canceled", "expired"]
Interval = Literal["week", "month", "quarter", "year"]
PlanName = Annotated[str, StringConstraints(min_length=1, max_length=64), Field(examples=["pro"])]
Quantity = Annotated[int, Field(ge=1, le=1_000_000)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class ProrationPolicy(RequestBody):
    """How parts of a period are measured. `event_day` counts where days are counted: who owns the day of a change."""

    granularity: Literal["second", "day", "fixed_30"] = "second"
    event_day: Literal["new_plan", "old_plan"] = "new_plan"


class SubscriptionCreate(RequestBody):
    """What a customer subscribes to."""

    customer_id: CustomerId
    plan: PlanName
    interval: Interval = "month"
    quantity: Quantity = 1
    currency: Currency | None = Field(None, description="default: the customer's, else the service's CURRENCY")
    trial_days: Annotated[int, Field(ge=0, le=730)] | None = Field(
        None, description="default: the plan's, on a customer's first paid subscription; 0 pays at once"
    )
    payment_method: PaymentMethodId | None = Field(None, description="default: the customer's default payment method")
    proration_policy: ProrationPolicy = Field(default_factory=ProrationPolicy)
    collection: Literal["automatic", "send_invoice"] = "automatic"
    days_until_due: Annotated[int, Field(ge=0, le=365)] = Field(30, description="of invoices that are sent")
    billing_anchor_day: Annotated[int, Field(ge=1, le=31)] | None = Field(
        None, description="the day of the month on which periods begin; the first one is a part, and costs a part"
    )
    auto_renew: bool | None = Field(None, description="default: the service's AUTO_RENEW")
    metadata: Metadata = Field(default_factory=dict)


class SubscriptionPath(PathParts):
    """The subscription in the path."""

    subscription_id: str = Field(examples=[SUBSCRIPTION_ID_EXAMPLE])


class SubscriptionQuery(PageQuery):
    """Which subscriptions."""

    customer_id: CustomerId | None = None
    status: Status | None = None
    plan: PlanName | None = Field(None, description="the plan's code")


class SubscriptionCancel(RequestBody):
    """When to end it, and why."""

    at: Literal["period_end", "now"] = "period_end"
    reason: Reason | None = None


class SubscriptionPause(RequestBody):
    """Until when; without it until somebody resumes it."""

    until: Instant | None = None


class SubscriptionItem(Answered):
    """So many of one price."""

    id: str
    price_id: str
    name: str
    quantity: int


class PolicyAnswered(Answered):
    """How parts of a period are measured."""

    granularity: Literal["second", "day", "fixed_30"]
    event_day: Literal["new_plan", "old_plan"]


class Subscription(Answered):
    """A subscription. Periods are half-open: the end belongs to the next one."""

    id: str = Field(examples=[SUBSCRIPTION_ID_EXAMPLE])
    customer_id: str
    status: Status
    plan: str
    interval: Interval
    currency: str
    items: list[SubscriptionItem]
    current_period_start: str
    current_period_end: str
    billing_anchor_day: int
    trial_start: str | None
    trial_end: str | None
    collection: Literal["automatic", "send_invoice"]
    days_until_due: int
    auto_renew: bool
    payment_method: str | None
    proration_policy: PolicyAnswered
    cancel_at_period_end: bool
    cancel_requested_at: str | None
    cancel_reason: str | None
    pending_change: dict[str, object] | None = Field(description="what changes when the period ends")
    paused_at: str | None
    pause_behavior: Literal["void", "keep_as_draft"] | None
    resume_at: str | None
    ended_at: str | None
    latest_invoice_id: str | None
    external_id: str | None = Field(description="what the system called it from which it was imported")
    metadata: dict[str, str]
    created_at: str
    updated_at: str


class SubscriptionCreated(Subscription):
    """A subscription with the payment of its first invoice, where there is one."""

    payment: Payment | None = None


class SubscriptionPending(SubscriptionCreated):
    """A subscription whose first payment has not finished."""

    operation: OperationRef


class SubscriptionPage(Page):
    """Subscriptions, newest first."""

    data: list[Subscription]
