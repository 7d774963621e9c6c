"""Subscriptions: what a customer has agreed to pay for again and again, and what is to change of it."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CHAR, CheckConstraint, ForeignKey, Index, SmallInteger, text
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


_ENDED = "status IN ('canceled', 'expired')"


class Subscription(Base):
    """One agreement. Times are whole seconds in UTC.

    `anchor` and `anchor_day` are what all periods are computed from (billing/subscriptions/cycle.py). `next_action_at` is when
    something is to happen by itself; NULL for what has ended, and for what waits for a person. `plan_version_id` is the version
    of the plan that the items are prices of. `credited_until` is the end of the last month whose credits were granted.
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
        CheckConstraint(f"(ended_at IS NOT NULL) = ({_ENDED})", name="ended_when_final"),
        CheckConstraint(f"NOT ({_ENDED}) OR next_action_at IS NULL", name="nothing_due_when_final"),
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
    """So many of one price, from `started_at` until `ended_at`. A row is never changed but to end it: a change adds another."""

    __tablename__ = "subscription_items"
    __table_args__ = (
        CheckConstraint("quantity >= 0", name="quantity_not_negative"),
        CheckConstraint("started_at <= ended_at", name="ends_after_start"),
        Index(
            "uq_subscription_items_price",
            "subscription_id",
            "price_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_subscription_items_subscription", "subscription_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscriptions.id"))
    price_id: Mapped[UUID] = mapped_column(ForeignKey("prices.id"))
    quantity: Mapped[int]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class SubscriptionChange(Base):
    """A change that waits for the period's end. `wanted` is what was asked for: plan, interval, quantity."""

    __tablename__ = "subscription_changes"
    __table_args__ = (
        CheckConstraint("num_nonnulls(applied_at, withdrawn_at) <= 1", name="one_end"),
        Index(
            "uq_subscription_changes_pending",
            "subscription_id",
            unique=True,
            postgresql_where=text("applied_at IS NULL AND withdrawn_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscriptions.id"))
    wanted: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]


class PlanAllowance(Base):
    """The plan's credits of one month of a subscription: granted once, to the customer, under the row's id.

    `granted_at` is NULL until the credits are in Postgres. `credits` is what an upgrade adds, too: then `part` counts on.
    """

    __tablename__ = "plan_allowances"
    __table_args__ = (
        CheckConstraint("credits > 0", name="credits_positive"),
        Index("uq_plan_allowances_month", "subscription_id", "month_start", "part", unique=True),
        Index("ix_plan_allowances_due", "id", postgresql_where=text("granted_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscriptions.id"))
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    month_start: Mapped[datetime]
    part: Mapped[int] = mapped_column(SmallInteger())
    credits: Mapped[int]
    expires_at: Mapped[datetime]
    granted_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
