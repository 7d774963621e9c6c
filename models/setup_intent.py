"""Setup intents: a customer saving a payment method with strong authentication."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TextEnum, one_of
from models.ids import new_id


class SetupIntentStatus(StrEnum):
    """Where the saving of a payment method stands; `pending` is not yet at the gateway."""

    PENDING = "pending"
    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"
    FAILED = "failed"


class SetupIntent(Base):
    """One wish to save a payment method for later use; `version` as in Payment."""

    __tablename__ = "setup_intents"
    __table_args__ = (
        one_of("status", SetupIntentStatus),
        Index("ix_setup_intents_customer", "customer_id", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    status: Mapped[SetupIntentStatus] = mapped_column(TextEnum(SetupIntentStatus), default=SetupIntentStatus.PENDING)
    payment_method_id: Mapped[str | None]
    gateway_id: Mapped[str | None] = mapped_column(unique=True)
    client_secret: Mapped[str | None]
    next_action: Mapped[dict[str, Any] | None]
    decline_code: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
