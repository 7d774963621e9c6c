"""Subscriptions that Stripe bills: what is known of them here, for whoever asks which plan a customer has (ADR 0025)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CHAR, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TextEnum, is_currency, one_of
from models.ids import new_id
from models.price import PriceInterval
from models.subscription import ENDED, Collection, SubscriptionStatus


class MirroredSubscription(Base):
    """One subscription at the gateway, as it stood when it was last fetched. Nothing here is due: the gateway does what is.

    `version` counts the observations that were applied (billing/observations.py). `customer_id` is NULL while the gateway's
    customer is none of ours, `plan_id` and `plan_version_id` while no price of it names a plan of ours; `interval` is NULL where
    ours has no such interval. `status` is the gateway's in our words, `gateway_status` in its own. `items` are those of the
    gateway: `{"id", "price_id", "name", "quantity", "unit_amount"}`. `imported_as` is the subscription of ours that goes on
    where this one ends; from then on it counts for nothing.
    """

    __tablename__ = "mirrored_subscriptions"
    __table_args__ = (
        one_of("status", SubscriptionStatus),
        one_of("interval", PriceInterval),
        one_of("collection", Collection),
        is_currency(),
        CheckConstraint("version >= 0", name="version_not_negative"),
        CheckConstraint("current_period_start <= current_period_end", name="period_in_order"),
        CheckConstraint("(plan_id IS NULL) = (plan_version_id IS NULL)", name="plan_with_its_version"),
        CheckConstraint(f"(ended_at IS NOT NULL) = ({ENDED})", name="ended_when_final"),
        CheckConstraint("status <> 'past_due' OR past_due_since IS NOT NULL", name="past_due_since_when"),
        CheckConstraint("imported_as IS NULL OR customer_id IS NOT NULL", name="imported_for_somebody"),
        Index("ix_mirrored_subscriptions_customer", "customer_id", "id"),
        Index("ix_mirrored_subscriptions_gateway_customer", "gateway_customer_id"),
        Index("ix_mirrored_subscriptions_status", "status", "id"),
        Index(
            "uq_mirrored_subscriptions_imported_as",
            "imported_as",
            unique=True,
            postgresql_where=text("imported_as IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    gateway_id: Mapped[str] = mapped_column(unique=True)
    version: Mapped[int]
    gateway_customer_id: Mapped[str]
    customer_id: Mapped[UUID | None] = mapped_column(ForeignKey("customers.id"))
    status: Mapped[SubscriptionStatus] = mapped_column(TextEnum(SubscriptionStatus))
    gateway_status: Mapped[str]
    plan_id: Mapped[UUID | None] = mapped_column(ForeignKey("plans.id"))
    plan_version_id: Mapped[UUID | None] = mapped_column(ForeignKey("plan_versions.id"))
    interval: Mapped[PriceInterval | None] = mapped_column(TextEnum(PriceInterval))
    currency: Mapped[str] = mapped_column(CHAR(3))
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSONB())
    anchor: Mapped[datetime]
    current_period_start: Mapped[datetime]
    current_period_end: Mapped[datetime]
    trial_start: Mapped[datetime | None]
    trial_end: Mapped[datetime | None]
    trial_reminded_at: Mapped[datetime | None]
    collection: Mapped[Collection] = mapped_column(TextEnum(Collection))
    days_until_due: Mapped[int]
    payment_method_id: Mapped[str | None]
    cancel_at_period_end: Mapped[bool]
    cancel_requested_at: Mapped[datetime | None]
    cancel_reason: Mapped[str | None]
    past_due_since: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    imported_as: Mapped[UUID | None] = mapped_column(ForeignKey("subscriptions.id"))
    metadata_: Mapped[dict[str, str]] = mapped_column("metadata", default=dict)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
