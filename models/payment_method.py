"""Payment methods: tokens of the gateway with what may be shown of them; never a card number."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CHAR, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class PaymentMethod(Base):
    """A payment method that is, or was, attached to a customer. Its id is the gateway's (`pm_…`)."""

    __tablename__ = "payment_methods"
    __table_args__ = (
        CheckConstraint("last4 ~ '^[0-9A-Za-z]{4}$'", name="last4_is_four_characters"),
        CheckConstraint("exp_month BETWEEN 1 AND 12", name="exp_month_in_year"),
        CheckConstraint("NOT (is_default AND detached_at IS NOT NULL)", name="default_is_attached"),
        Index("uq_payment_methods_default", "customer_id", unique=True, postgresql_where=text("is_default")),
        Index("ix_payment_methods_customer", "customer_id", "attached_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    type: Mapped[str]
    brand: Mapped[str | None]
    last4: Mapped[str | None]
    exp_month: Mapped[int | None]
    exp_year: Mapped[int | None]
    funding: Mapped[str | None]
    country: Mapped[str | None] = mapped_column(CHAR(2))
    fingerprint: Mapped[str | None]
    is_default: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    attached_at: Mapped[datetime]
    detached_at: Mapped[datetime | None]
