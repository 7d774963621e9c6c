"""The inbox: every webhook that was delivered to us, stored once."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TextEnum, one_of
from models.leased_work import LeasedWork, due_index


class InboxStatus(StrEnum):
    """`received → processing → processed | ignored | failed → dead`; a failed one is tried again, a dead one is not."""

    RECEIVED = "received"
    PROCESSING = "processing"
    PROCESSED = "processed"
    IGNORED = "ignored"
    FAILED = "failed"
    DEAD = "dead"


class InboxEvent(LeasedWork, Base):
    """One event of a source, unique by the source's own id: twenty deliveries are one row."""

    __tablename__ = "inbox_events"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        one_of("status", InboxStatus),
        due_index("inbox_events"),
        Index("ix_inbox_events_status", "status", "id"),
        Index("ix_inbox_events_type", "type", "id"),
    )

    source: Mapped[str]
    external_id: Mapped[str]
    type: Mapped[str]
    livemode: Mapped[bool]
    payload: Mapped[dict[str, Any]]
    status: Mapped[InboxStatus] = mapped_column(TextEnum(InboxStatus), default=InboxStatus.RECEIVED)
    result: Mapped[str | None]
    received_at: Mapped[datetime]
    processed_at: Mapped[datetime | None]
