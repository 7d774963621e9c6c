"""Customers: who is billed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CHAR, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, is_currency
from models.ids import new_id


class Customer(Base):
    """A customer of the user of this service.

    `gateway_generation` is part of the idempotency key under which the gateway's customer is made; it grows when that
    customer was deleted at the gateway, so that a new one can be made.

    `external_id` is what another system called the customer from which it was imported (billing/imports).

    `test_clock_id` never changes. `deleted_at` is when its clock was deleted: from then on nobody is shown the customer.
    """

    __tablename__ = "customers"
    __table_args__ = (
        is_currency(),
        CheckConstraint("country ~ '^[A-Z]{2}$'", name="country_iso3166"),
        CheckConstraint("email <> ''", name="email_not_empty"),
        CheckConstraint("deleted_at IS NULL OR test_clock_id IS NOT NULL", name="deleted_with_its_clock"),
        Index("ix_customers_email", "email"),
        # What was imported is not imported again. Who tries a file on a test clock may do so again on another.
        Index(
            "uq_customers_external_id",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL AND deleted_at IS NULL"),
        ),
        # Empty where nobody uses clocks: whoever leaves their customers out of a scan reads nothing (ADR 0019).
        Index("ix_customers_test_clock", "test_clock_id", "id", postgresql_where=text("test_clock_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    external_id: Mapped[str | None]
    email: Mapped[str]
    name: Mapped[str | None]
    currency: Mapped[str | None] = mapped_column(CHAR(3))
    line1: Mapped[str | None]
    line2: Mapped[str | None]
    city: Mapped[str | None]
    postal_code: Mapped[str | None]
    state: Mapped[str | None]
    country: Mapped[str | None] = mapped_column(CHAR(2))
    tax_id: Mapped[str | None]
    locale: Mapped[str | None]
    timezone: Mapped[str | None]
    metadata_: Mapped[dict[str, str]] = mapped_column("metadata", default=dict)
    gateway_id: Mapped[str | None] = mapped_column(unique=True)
    gateway_generation: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    test_clock_id: Mapped[UUID | None] = mapped_column(ForeignKey("test_clocks.id"))
    deleted_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
