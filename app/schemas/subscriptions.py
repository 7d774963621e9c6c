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
from app.schemas.credit_notes import CreditNote
from app.schemas.invoices import InvoiceTax, LineContent
from app.schemas.payments import Payment

SUBSCRIPTION_ID_EXAMPLE = "sub_01h455vb4pex5vsknk084sn02q"
Status = Literal["incomplete", "trialing", "active", "past_due", "paused", "canceled", "expired"]
Interval = Literal["week", "month", "quarter", "year"]
ManagedBy = Annotated[
    Literal["billing", "stripe"], Field(description="who bills it: this service, or Stripe Billing, mirrored here")
]
PlanName = Annotated[str, StringConstraints(min_length=1, max_length=64), Field(examples=["pro"])]
Quantity = Annotated[int, Field(ge=1, le=1_000_000)]
Addons = Annotated[dict[PlanName, Quantity], Field(max_length=20, examples=[{"seats-pack": 2}])]
CouponCode = Annotated[str, StringConstraints(min_length=1, max_length=64), Field(examples=["WELCOME"])]
AnchorDay = Annotated[int, Field(ge=1, le=31)]
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
    addons: Addons = Field(default_factory=dict, description="how many of each add-on, by its code")
    currency: Currency | None = Field(None, description="default: the customer's, else the service's CURRENCY")
    trial_days: Annotated[int, Field(ge=0, le=730)] | None = Field(
        None, description="default: the plan's, on a customer's first paid subscription; 0 pays at once"
    )
    payment_method: PaymentMethodId | None = Field(None, description="default: the customer's default payment method")
    coupon: CouponCode | None = None
    proration_policy: ProrationPolicy = Field(default_factory=ProrationPolicy)
    collection: Literal["automatic", "send_invoice"] = "automatic"
    days_until_due: Annotated[int, Field(ge=0, le=365)] = Field(30, description="of invoices that are sent")
    billing_anchor_day: AnchorDay | None = Field(
        None, description="the day of the month on which periods begin; the first one is a part, and costs a part"
    )
    auto_renew: bool | None = Field(None, description="default: the service's AUTO_RENEW")
    metadata: Metadata = Field(default_factory=dict)


class SubscriptionWanted(RequestBody):
    """What is to be another; what is not named stays as it is."""

    plan: PlanName | None = None
    interval: Interval | None = None
    quantity: Quantity | None = None
    addons: Addons | None = Field(None, description="how many of each add-on there are to be; those not named end")
    billing_anchor_day: AnchorDay | None = Field(
        None, description="begins a new period now, which ends on that day of the month and costs its part"
    )
    proration: Literal["invoice_now", "create", "none"] = Field(
        "invoice_now", description="an invoice at once, lines of the next invoice, or nothing"
    )
    effective: Literal["now", "period_end"] | None = Field(
        None, description="default: what is more comes now, what is less when the period ends"
    )
    proration_date: Instant | None = Field(None, description="in the present period, not to come; default: now")


class SubscriptionUpdate(SubscriptionWanted):
    """What is to be another. With a `preview_token` it comes to what the preview showed, or to a 409."""

    preview_token: Annotated[str, StringConstraints(min_length=1, max_length=1_000)] | None = None
    payment_method: PaymentMethodId | None = Field(None, description="of this subscription's invoices from now on")
    coupon: CouponCode | None = Field(
        None, description="of invoices to come, in the place of one there is; null takes that away"
    )
    auto_renew: bool | None = None
    metadata: Metadata | None = None


class SubscriptionPath(PathParts):
    """The subscription in the path."""

    subscription_id: str = Field(examples=[SUBSCRIPTION_ID_EXAMPLE])


class SubscriptionQuery(PageQuery):
    """Which subscriptions."""

    customer_id: CustomerId | None = None
    status: Status | None = None
    plan: PlanName | None = Field(None, description="the plan's code")
    managed_by: ManagedBy | None = None


class SubscriptionCancel(RequestBody):
    """When to end it, what comes back, and why."""

    at: Literal["period_end", "now"] = "period_end"
    refund: Literal["none", "prorated"] = Field(
        "none", description="prorated: what was paid for the rest of the period comes back; only where `at` is now"
    )
    reason: Reason | None = None


class SubscriptionPause(RequestBody):
    """Until when; without it until somebody resumes it. What becomes of the invoices of its periods."""

    until: Instant | None = None
    behavior: Literal["void", "keep_as_draft"] = Field(
        "void", description="none is made, or they are drafts that are charged when the pause ends"
    )


class SubscriptionItem(Answered):
    """So many of one price."""

    id: str
    price_id: str
    plan: str
    name: str
    quantity: int


class PolicyAnswered(Answered):
    """How parts of a period are measured."""

    granularity: Literal["second", "day", "fixed_30"]
    event_day: Literal["new_plan", "old_plan"]


class Discount(Answered):
    """A coupon that the subscription has redeemed: a percentage as a decimal text, or an amount in minor units."""

    coupon: str
    percent_off: str | None
    amount_off: int | None
    currency: str | None
    duration: Literal["once", "repeating", "forever"]
    starts_at: str
    ends_at: str | None
    used_by: str | None = Field(description="the invoice that took one that counts once")


class PendingChange(Answered):
    """A change that has not come. With `invoice_id` it waits for that to be paid."""

    plan: str
    interval: Interval
    quantity: int
    effective_at: str
    invoice_id: str | None


class Subscription(Answered):
    """A subscription. Periods are half-open: the end belongs to the next one.

    Of one that Stripe bills `customer_id` is null while its customer is none of ours, `plan` while no price of it names one,
    `interval` where ours has none like it, and `proration_policy` always; its items and prices are Stripe's.
    """

    id: str = Field(examples=[SUBSCRIPTION_ID_EXAMPLE])
    managed_by: ManagedBy
    gateway_id: str | None = Field(description="its id at Stripe, where Stripe bills it")
    gateway_status: str | None = Field(description="its status in Stripe's own words, such as `unpaid`")
    imported_as: str | None = Field(description="the subscription of this service that goes on where this one ends")
    customer_id: str | None
    status: Status
    plan: str | None
    interval: Interval | None
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
    proration_policy: PolicyAnswered | None
    cancel_at_period_end: bool
    cancel_requested_at: str | None
    cancel_reason: str | None
    discount: Discount | None
    pending_change: PendingChange | None
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


class SubscriptionCanceled(Subscription):
    """A subscription that ends, with the credit notes of what was not used; their refunds are made by workers."""

    credit_notes: list[CreditNote]


class SubscriptionPending(SubscriptionCreated):
    """A subscription whose first payment has not finished."""

    operation: OperationRef


class SubscriptionPage(Page):
    """Subscriptions, newest first."""

    data: list[Subscription]


class PreviewedInvoice(Answered):
    """An invoice as it would be. Amounts in minor units."""

    lines: list[LineContent]
    subtotal_amount: int
    discount_amount: int
    tax_amount: int
    taxes: list[InvoiceTax]
    total_amount: int
    balance_amount: int
    amount_due: int


class NextInvoice(PreviewedInvoice):
    """The invoice of the next period, after the change."""

    at: str


class SubscriptionPreview(PreviewedInvoice):
    """What a change would come to. `amount_due` is what it costs now."""

    currency: str
    effective_at: str
    period_start: str
    period_end: str
    next_invoice: NextInvoice | None
    preview_token: str
    expires_at: str
