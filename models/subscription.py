"""Subscriptions: what a customer has agreed to pay for again and again, and what is to change of it."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, CHAR, CheckConstraint, ForeignKey, Index, Numeric, SmallInteger, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TextEnum, is_currency, one_of
from models.ids import new_id
from models.price import PriceInterval


class SubscriptionStatus(StrEnum):
    """Where a subscription stands (billing/subscriptions/state.py says what may follow).

    `incomplete` until its first invoice is paid, `expired` when that took too long; `past_due` from the first failed payment.
    """

    INCOMPLETE = "incomplete"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    PAUSED = "paused"
    CANCELED = "canceled"
    EXPIRED = "expired"


class Collection(StrEnum):
    """Whether an invoice is charged to a payment method at once, or sent, to be paid within some days."""

    AUTOMATIC = "automatic"
    SEND_INVOICE = "send_invoice"


class PauseBehavior(StrEnum):
    """What becomes of the invoices of a pause: none is made, or they stay drafts until it ends."""

    VOID = "void"
    KEEP_AS_DRAFT = "keep_as_draft"


class UnpaidChange(StrEnum):
    """What becomes of a change whose payment is declined: it is withdrawn at once, or waits to be paid for a while."""

    ROLLBACK = "rollback"
    WAIT = "wait"


class UpgradeCredits(StrEnum):
    """Which credits a better plan gives in the month in which it comes: those that it has more, their part, or none."""

    DIFFERENCE = "difference"
    PRORATED = "prorated"
    NONE = "none"


ENDED = "status IN ('canceled', 'expired')"


class Subscription(Base):
    """One agreement. Times are whole seconds in UTC.

    `anchor` and `anchor_day` are what all periods are computed from (billing/subscriptions/cycle.py). `next_action_at` is when
    something is to happen by itself; NULL for what has ended, and for what waits for a person. `plan_version_id` is the version
    of the plan that the items are prices of. `credited_until` is the end of the last month whose credits were granted.
    `change_expires_at` is when a change that waits for its payment is withdrawn.
    `test_clock_id` is the customer's, so that a scan reads one index. `external_id` is what another system called it from which
    it was imported (billing/imports).
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        one_of("status", SubscriptionStatus),
        one_of("interval", PriceInterval),
        one_of("collection", Collection),
        one_of("pause_behavior", PauseBehavior),
        one_of("proration_granularity", ("second", "day", "fixed_30")),
        one_of("proration_event_day", ("new_plan", "old_plan")),
        is_currency(),
        CheckConstraint("anchor_day BETWEEN 1 AND 31", name="anchor_day_of_a_month"),
        CheckConstraint("current_period_start < current_period_end", name="period_not_empty"),
        CheckConstraint(
            "(trial_start IS NULL) = (trial_end IS NULL) AND trial_start < trial_end", name="trial_not_empty"
        ),
        CheckConstraint("days_until_due BETWEEN 0 AND 365", name="days_until_due_in_range"),
        CheckConstraint(f"(ended_at IS NOT NULL) = ({ENDED})", name="ended_when_final"),
        CheckConstraint(f"NOT ({ENDED}) OR next_action_at IS NULL", name="nothing_due_when_final"),
        CheckConstraint(
            "(status = 'paused') = (paused_at IS NOT NULL AND pause_behavior IS NOT NULL)", name="paused_how"
        ),
        CheckConstraint("status <> 'past_due' OR past_due_since IS NOT NULL", name="past_due_since_when"),
        CheckConstraint("date_trunc('second', anchor) = anchor", name="anchor_whole_seconds"),
        Index("ix_subscriptions_customer", "customer_id", "id"),
        Index("ix_subscriptions_status", "status", "id"),
        Index(
            "uq_subscriptions_external_id",
            "customer_id",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        # The customer's plan is asked for with every use of a feature.
        # Who sends the same again without a key is not billed twice.
        Index(
            "uq_subscriptions_plan", "customer_id", "plan_id", unique=True, postgresql_where=text("ended_at IS NULL")
        ),
        Index(
            "ix_subscriptions_due",
            "next_action_at",
            postgresql_where=text("next_action_at IS NOT NULL AND test_clock_id IS NULL AND parked_at IS NULL"),
        ),
        Index(
            "ix_subscriptions_due_on_clock",
            "test_clock_id",
            "next_action_at",
            postgresql_where=text("next_action_at IS NOT NULL AND test_clock_id IS NOT NULL AND parked_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    external_id: Mapped[str | None]
    test_clock_id: Mapped[UUID | None] = mapped_column(ForeignKey("test_clocks.id"))
    status: Mapped[SubscriptionStatus] = mapped_column(TextEnum(SubscriptionStatus))
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    plan_version_id: Mapped[UUID] = mapped_column(ForeignKey("plan_versions.id"))
    interval: Mapped[PriceInterval] = mapped_column(TextEnum(PriceInterval))
    currency: Mapped[str] = mapped_column(CHAR(3))
    anchor: Mapped[datetime]
    anchor_day: Mapped[int] = mapped_column(SmallInteger())
    current_period_start: Mapped[datetime]
    current_period_end: Mapped[datetime]
    trial_start: Mapped[datetime | None]
    trial_end: Mapped[datetime | None]
    trial_reminded_at: Mapped[datetime | None]
    change_expires_at: Mapped[datetime | None]
    credited_until: Mapped[datetime | None]
    collection: Mapped[Collection] = mapped_column(TextEnum(Collection))
    days_until_due: Mapped[int] = mapped_column(SmallInteger())
    auto_renew: Mapped[bool]
    payment_method_id: Mapped[str | None]
    proration_granularity: Mapped[str]
    proration_event_day: Mapped[str]
    cancel_at_period_end: Mapped[bool]
    cancel_requested_at: Mapped[datetime | None]
    cancel_reason: Mapped[str | None]
    past_due_since: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    pause_behavior: Mapped[PauseBehavior | None] = mapped_column(TextEnum(PauseBehavior))
    resume_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    latest_invoice_id: Mapped[UUID | None]
    next_action_at: Mapped[datetime | None]
    parked_at: Mapped[datetime | None]
    parked_reason: Mapped[str | None]
    metadata_: Mapped[dict[str, str]] = mapped_column("metadata", default=dict)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class SubscriptionItem(Base):
    """So many of one price, from `started_at` until `ended_at`. A row is never changed but to begin and to end it.

    `started_at` is NULL while the change that brings it has not come, and stays so where that was withdrawn.
    """

    __tablename__ = "subscription_items"
    __table_args__ = (
        CheckConstraint("quantity >= 0", name="quantity_not_negative"),
        CheckConstraint("started_at <= ended_at", name="ends_after_start"),
        CheckConstraint("started_at IS NOT NULL OR ended_at IS NULL", name="ends_what_began"),
        CheckConstraint("started_at IS NOT NULL OR change_id IS NOT NULL", name="waits_for_a_change"),
        Index(
            "uq_subscription_items_price",
            "subscription_id",
            "price_id",
            unique=True,
            postgresql_where=text("started_at IS NOT NULL AND ended_at IS NULL"),
        ),
        Index("ix_subscription_items_subscription", "subscription_id", "id"),
        Index("ix_subscription_items_change", "change_id", postgresql_where=text("change_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscriptions.id"))
    price_id: Mapped[UUID] = mapped_column(ForeignKey("prices.id"))
    change_id: Mapped[UUID | None] = mapped_column(ForeignKey("subscription_changes.id"))
    quantity: Mapped[int]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class SubscriptionChange(Base):
    """Another plan, interval or quantity: what it brings are the items that name it; `ends` are those that it ends.

    It comes at `changes_at`, which for one that waits for its payment, of `invoice_id`, is the moment it was computed for.
    `restarts_period` is whether a new period begins with it in the middle of one; `anchor_day` moves the anchor to that day.
    `when_unpaid` and `upgrade_credits` are the settings under which it was asked for.
    """

    __tablename__ = "subscription_changes"
    __table_args__ = (
        one_of("interval", PriceInterval),
        one_of("when_unpaid", UnpaidChange),
        one_of("upgrade_credits", UpgradeCredits),
        CheckConstraint("num_nonnulls(applied_at, withdrawn_at) <= 1", name="one_end"),
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_reason IS NULL)", name="withdrawn_why"),
        CheckConstraint("anchor_day BETWEEN 1 AND 31", name="anchor_day_of_a_month"),
        Index(
            "uq_subscription_changes_pending",
            "subscription_id",
            unique=True,
            postgresql_where=text("applied_at IS NULL AND withdrawn_at IS NULL"),
        ),
        Index("ix_subscription_changes_invoice", "invoice_id", postgresql_where=text("invoice_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscriptions.id"))
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    plan_version_id: Mapped[UUID] = mapped_column(ForeignKey("plan_versions.id"))
    interval: Mapped[PriceInterval] = mapped_column(TextEnum(PriceInterval))
    quantity: Mapped[int]
    ends: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    restarts_period: Mapped[bool]
    anchor_day: Mapped[int | None] = mapped_column(SmallInteger())
    when_unpaid: Mapped[UnpaidChange] = mapped_column(TextEnum(UnpaidChange))
    upgrade_credits: Mapped[UpgradeCredits] = mapped_column(TextEnum(UpgradeCredits))
    changes_at: Mapped[datetime]
    invoice_id: Mapped[UUID | None]
    created_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_reason: Mapped[str | None]


class SubscriptionDiscount(Base):
    """A coupon that a subscription has redeemed: from `starts_at` until `ends_at`, where it has an end.

    `used_by` is the invoice that took one that counts once; `removed_at` when it was taken away, or another took its place.
    """

    __tablename__ = "subscription_discounts"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="ends_after_start"),
        Index(
            "uq_subscription_discounts_held",
            "subscription_id",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
        Index("ix_subscription_discounts_coupon", "coupon_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscriptions.id"))
    coupon_id: Mapped[UUID] = mapped_column(ForeignKey("coupons.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    used_by: Mapped[UUID | None]
    removed_at: Mapped[datetime | None]


class UsageBilling(Base):
    """What was billed of a metered item for one time: `quantity` units, which came to `amount_minor`.

    Until `closed_at` events may come late; what they add is billed then, and noted here. `invoice_id` is NULL where it came to
    nothing.
    """

    __tablename__ = "usage_billings"
    __table_args__ = (
        is_currency(),
        CheckConstraint("period_start < period_end", name="period_not_empty"),
        CheckConstraint("quantity >= 0", name="quantity_not_negative"),
        Index("uq_usage_billings_period", "subscription_item_id", "period_start", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    subscription_item_id: Mapped[UUID] = mapped_column(ForeignKey("subscription_items.id"))
    period_start: Mapped[datetime]
    period_end: Mapped[datetime]
    quantity: Mapped[Decimal] = mapped_column(Numeric(38, 9))
    amount_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(CHAR(3))
    invoice_id: Mapped[UUID | None]
    closed_at: Mapped[datetime | None]


class PlanCreditLimit(Base):
    """Whether a customer's plans let it use credits without a limit, as the credits server was told last.

    `pending_id` is the transaction of the change to the opposite, while that is under way.
    """

    __tablename__ = "plan_credit_limits"

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    unlimited: Mapped[bool]
    pending_id: Mapped[UUID | None]


class PlanAllowance(Base):
    """The plan's credits of one month of a subscription: granted once, to the customer, under the row's id.

    `granted_at` is NULL until the credits are in Postgres. `credits` is what an upgrade adds, too: then `part` counts on.
    It is of a subscription of ours, or of a mirrored one; of that `month_start` begins a period, which may be a longer one.
    `roll_over_max` is how many unspent credits of the month before may live on in this one (NULL: none); `rolled_over` how many
    do, NULL until that is decided. They are granted under `roll_over_id`.
    """

    __tablename__ = "plan_allowances"
    __table_args__ = (
        CheckConstraint("credits > 0", name="credits_positive"),
        CheckConstraint("num_nonnulls(subscription_id, mirror_id) = 1", name="of_one_subscription"),
        CheckConstraint("roll_over_max > 0", name="roll_over_positive"),
        CheckConstraint("rolled_over BETWEEN 0 AND roll_over_max", name="rolled_over_within_max"),
        CheckConstraint(
            "num_nonnulls(rolled_over, roll_over_id) IN (0, 2) AND (rolled_over IS NULL OR roll_over_max IS NOT NULL)",
            name="rolled_over_as_a_whole",
        ),
        Index("uq_plan_allowances_month", "subscription_id", "month_start", "part", unique=True),
        Index("uq_plan_allowances_mirrored", "mirror_id", "month_start", "part", unique=True),
        Index("ix_plan_allowances_due", "id", postgresql_where=text("granted_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    subscription_id: Mapped[UUID | None] = mapped_column(ForeignKey("subscriptions.id"))
    mirror_id: Mapped[UUID | None] = mapped_column(ForeignKey("mirrored_subscriptions.id"))
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    month_start: Mapped[datetime]
    part: Mapped[int] = mapped_column(SmallInteger())
    credits: Mapped[int]
    expires_at: Mapped[datetime]
    roll_over_max: Mapped[int | None]
    rolled_over: Mapped[int | None]
    roll_over_id: Mapped[UUID | None]
    granted_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    @property
    def of_subscription(self) -> UUID:
        """The subscription that it is of, mirrored or not. Raises ValueError where it is of none."""
        found = self.subscription_id or self.mirror_id
        if found is None:
            raise ValueError(f"the allowance {self.id} is of no subscription")
        return found
