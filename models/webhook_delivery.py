"""Deliveries: the duty to tell one webhook endpoint of one event, and what came of each attempt."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Sequence, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TextEnum, one_of
from models.ids import new_id
from models.leased_work import LeasedWork

POSITIONS = Sequence("webhook_delivery_positions", metadata=Base.metadata)


class WebhookStatus(StrEnum):
    """Where a delivery stands. `dead` used up its attempts; `skipped` came while its endpoint was off."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    SKIPPED = "skipped"


class WebhookDelivery(LeasedWork, Base):
    """One event for one endpoint.

    A *lane* is what stays in order at an endpoint: the events of one customer (an event of no customer has a lane of its
    own). Of a lane's pending deliveries only the first has a `next_attempt_at`; the others wait until it is done with.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("event_id", "endpoint_id"),
        one_of("status", WebhookStatus),
        CheckConstraint("next_attempt_at IS NULL OR status = 'pending'", name="due_while_pending"),
        CheckConstraint("(status = 'delivered') = (delivered_at IS NOT NULL)", name="delivered_at_some_time"),
        CheckConstraint("attempts >= 0", name="attempts_not_negative"),
        # The first of a lane is one row: nobody can send two of a lane at once.
        Index(
            "uq_webhook_deliveries_first_of_lane",
            "endpoint_id",
            "lane",
            unique=True,
            postgresql_where=text("next_attempt_at IS NOT NULL"),
        ),
        Index(
            "ix_webhook_deliveries_lane",
            "endpoint_id",
            "lane",
            "position",
            postgresql_where=text("status = 'pending'"),
        ),
        # What an endpoint is owed now: found among any number that waits.
        Index(
            "ix_webhook_deliveries_due",
            "endpoint_id",
            "next_attempt_at",
            postgresql_where=text("next_attempt_at IS NOT NULL"),
        ),
        Index("ix_webhook_deliveries_held", "endpoint_id", postgresql_where=text("lease_token IS NOT NULL")),
        Index("ix_webhook_deliveries_endpoint", "endpoint_id", "id"),
    )

    event_id: Mapped[UUID] = mapped_column(ForeignKey("outbox_events.id"))
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_endpoints.id"))
    lane: Mapped[UUID]
    position: Mapped[int] = mapped_column(server_default=POSITIONS.next_value())
    status: Mapped[WebhookStatus] = mapped_column(TextEnum(WebhookStatus), default=WebhookStatus.PENDING)
    # Since the delivery was made or asked for again; all of them are in webhook_attempts.
    attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]


class WebhookAttempt(Base):
    """One request to an endpoint: its answer's status and first bytes, or why there was none."""

    __tablename__ = "webhook_attempts"
    __table_args__ = (Index("ix_webhook_attempts_delivery", "delivery_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_deliveries.id"))
    at: Mapped[datetime]
    duration_ms: Mapped[int]
    status_code: Mapped[int | None]
    error: Mapped[str | None]
    answer: Mapped[str | None]
