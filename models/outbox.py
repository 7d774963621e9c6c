"""The outbox: facts that others must hear of, written in the transaction of the fact, and their deliveries."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, TextEnum, one_of
from models.ids import new_id
from models.leased_work import LeasedWork, due_index


class DeliveryStatus(StrEnum):
    """Where the delivery of one event to one consumer stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    DEAD = "dead"


class OutboxEvent(Base):
    """A fact (`payment.succeeded`) with the object's representation at that moment."""

    __tablename__ = "outbox_events"
    __table_args__ = (
        Index("ix_outbox_events_created", "created_at", "id"),
        Index("ix_outbox_events_object", "object_id", "id"),
        Index("ix_outbox_events_type", "type", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    type: Mapped[str]
    object_type: Mapped[str]
    object_id: Mapped[str]
    customer_id: Mapped[UUID | None]
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class OutboxDelivery(LeasedWork, Base):
    """The duty to tell one consumer of one event; unique, so that a consumer hears it once.

    `endpoint` is empty but for consumers that have several addresses.
    """

    __tablename__ = "outbox_deliveries"
    __table_args__ = (
        UniqueConstraint("event_id", "consumer", "endpoint"),
        one_of("status", DeliveryStatus),
        due_index("outbox_deliveries"),
    )

    event_id: Mapped[UUID] = mapped_column(ForeignKey("outbox_events.id"))
    event: Mapped[OutboxEvent] = relationship(lazy="raise")
    consumer: Mapped[str]
    endpoint: Mapped[str] = mapped_column(default="", server_default=text("''"))
    status: Mapped[DeliveryStatus] = mapped_column(TextEnum(DeliveryStatus), default=DeliveryStatus.PENDING)
    delivered_at: Mapped[datetime | None]
