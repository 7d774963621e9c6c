"""Refunds: money of a payment that goes back."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CHAR, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TextEnum, is_currency, one_of
from models.ids import new_id


class RefundStatus(StrEnum):
    """`pending` covers both "not yet at the gateway" and "under way there"; `failed` and `canceled` give the amount back."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class Refund(Base):
    """A full or partial refund. Its id makes the gateway's idempotency key `refund-<id>`."""

    __tablename__ = "refunds"
    __table_args__ = (
        one_of("status", RefundStatus),
        is_currency(),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        Index("ix_refunds_payment", "payment_id", "created_at"),
        Index("ix_refunds_moving", "id", postgresql_where=text("status IN ('pending', 'requires_action')")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"))
    status: Mapped[RefundStatus] = mapped_column(TextEnum(RefundStatus), default=RefundStatus.PENDING)
    amount_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(CHAR(3))
    reason: Mapped[str | None]
    gateway_id: Mapped[str | None] = mapped_column(unique=True)
    failure_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    @property
    def idempotency_key(self) -> str:
        """The key under which the gateway does this once."""
        return f"refund-{self.id}"
