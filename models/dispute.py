"""Disputes: the cardholder's bank takes money of a payment back, until the dispute is won."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, CHAR, CheckConstraint, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TextEnum, is_currency, one_of
from models.ids import new_id


class DisputeStatus(StrEnum):
    """Where a dispute stands. `warning_…` is an inquiry of the bank, which moves no money yet and may become a dispute."""

    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    WARNING_UNDER_REVIEW = "warning_under_review"
    WARNING_CLOSED = "warning_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    PREVENTED = "prevented"


class Dispute(Base):
    """One dispute of a payment, as the gateway last reported it.

    The evidence itself stays at the gateway: it is personal data that nothing here needs. `evidence_provided` names its
    fields. `amount_minor` may differ from the payment's, by exchange rates or because a part is disputed.
    """

    __tablename__ = "disputes"
    __table_args__ = (
        one_of("status", DisputeStatus),
        is_currency(),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("evidence_submissions >= 0", name="submissions_not_negative"),
        CheckConstraint(
            "(status IN ('won', 'lost', 'warning_closed', 'prevented')) = (closed_at IS NOT NULL)",
            name="closed_when_decided",
        ),
        # Lists are paged by id, which sorts by time.
        Index("ix_disputes_customer", "customer_id", "id"),
        Index("ix_disputes_payment", "payment_id", "id"),
        Index("ix_disputes_status", "status", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"))
    status: Mapped[DisputeStatus] = mapped_column(TextEnum(DisputeStatus))
    amount_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(CHAR(3))
    reason: Mapped[str]
    network_reason_code: Mapped[str | None]
    gateway_id: Mapped[str] = mapped_column(unique=True)
    evidence_due_at: Mapped[datetime | None]
    evidence_provided: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    evidence_submissions: Mapped[int]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
