"""Prices: what a version of a plan costs, for everybody or for one customer."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CHAR, CheckConstraint, ForeignKey, Index, Numeric, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TextEnum, is_currency, one_of
from models.ids import new_id

# In minor units: far above what the gateway takes at once, and what NUMERIC(20, 8) holds.
UNIT_AMOUNT_MAX = 999_999_999_999
UNIT_AMOUNT_DECIMALS = 8
BASE_COMPONENT = "base"
COMPONENT_PATTERN = "^[a-z][a-z0-9_]{0,31}$"


class PriceInterval(StrEnum):
    """How long one price pays for."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class PriceScheme(StrEnum):
    """How a quantity becomes an amount; billing/catalog/pricing.py computes it.

    `flat`: one amount, whatever the quantity. `per_unit`: so much each. `graduated`: each tier's units at the tier's price.
    `volume`: all units at the price of the tier that the whole quantity is in. `package`: so much for each package begun.
    """

    FLAT = "flat"
    PER_UNIT = "per_unit"
    GRADUATED = "graduated"
    VOLUME = "volume"
    PACKAGE = "package"


class TaxBehavior(StrEnum):
    """Whether tax comes on top of the price or is part of it."""

    EXCLUSIVE = "exclusive"
    INCLUSIVE = "inclusive"


# With a tier's price, or with one of their own.
TIERED = (PriceScheme.GRADUATED, PriceScheme.VOLUME)
_TIERED = ", ".join(f"'{scheme}'" for scheme in TIERED)


class Price(Base):
    """What one component of a version costs for one interval in one currency; never changed.

    A version may have several components for the same interval and currency: a base fee, seats, usage. All of them are owed.
    `unit_amount` is in minor units and may be below one; `tiers` is a list of `{"up_to": 10, "unit_amount": "100",
    "flat_amount": "0"}`, whose last `up_to` is null. A price with a `meter` is charged for what the meter has counted, when the
    interval is over. One with a `customer_id` is that customer's instead of the list price; the newest of them counts.
    """

    __tablename__ = "prices"
    __table_args__ = (
        one_of("interval", PriceInterval),
        one_of("scheme", PriceScheme),
        one_of("tax_behavior", TaxBehavior),
        is_currency(),
        CheckConstraint(f"component ~ '{COMPONENT_PATTERN}'", name="component_is_a_word"),
        CheckConstraint(f"unit_amount BETWEEN 0 AND {UNIT_AMOUNT_MAX}", name="unit_amount_in_range"),
        CheckConstraint(f"(unit_amount IS NULL) = (scheme IN ({_TIERED}))", name="unit_amount_without_tiers"),
        CheckConstraint(f"(tiers IS NOT NULL) = (scheme IN ({_TIERED}))", name="tiers_with_their_schemes"),
        CheckConstraint(
            "tiers IS NULL OR (jsonb_typeof(tiers) = 'array' AND coalesce(tiers -> -1 -> 'up_to' = 'null', false))",
            name="last_tier_is_open",
        ),
        CheckConstraint("(package_size IS NOT NULL) = (scheme = 'package')", name="packages_have_a_size"),
        CheckConstraint("package_size > 0", name="package_size_positive"),
        CheckConstraint("meter IS NULL OR scheme <> 'flat'", name="usage_is_multiplied"),
        # For everybody there is one price; a customer's may be followed by newer ones.
        Index(
            "uq_prices_list",
            "version_id",
            "component",
            "interval",
            "currency",
            unique=True,
            postgresql_where=text("customer_id IS NULL"),
        ),
        Index("ix_prices_customer", "customer_id", "version_id", postgresql_where=text("customer_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    version_id: Mapped[UUID] = mapped_column(ForeignKey("plan_versions.id"))
    component: Mapped[str] = mapped_column(default=BASE_COMPONENT, server_default=text(f"'{BASE_COMPONENT}'"))
    interval: Mapped[PriceInterval] = mapped_column(TextEnum(PriceInterval))
    currency: Mapped[str] = mapped_column(CHAR(3))
    scheme: Mapped[PriceScheme] = mapped_column(TextEnum(PriceScheme))
    unit_amount: Mapped[Decimal | None] = mapped_column(Numeric(20, UNIT_AMOUNT_DECIMALS))
    package_size: Mapped[int | None]
    tiers: Mapped[list[dict[str, object]] | None] = mapped_column(JSONB(none_as_null=True))
    meter: Mapped[str | None] = mapped_column(ForeignKey("meters.code"))
    tax_behavior: Mapped[TaxBehavior] = mapped_column(TextEnum(TaxBehavior))
    customer_id: Mapped[UUID | None] = mapped_column(ForeignKey("customers.id"))
    created_at: Mapped[datetime]
