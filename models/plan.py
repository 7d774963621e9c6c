"""The catalog: plans, what they cost, and what they hold."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CHAR, CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TextEnum, is_currency, one_of
from models.ids import new_id

# Far past any limit that means something; two of it still fit into a BIGINT, so that no sum of uses overflows.
LIMIT_VALUE_MAX = 10**18


class PriceInterval(StrEnum):
    """How long one price pays for."""

    MONTH = "month"
    YEAR = "year"


class Plan(Base):
    """One plan. `code` is what callers name it by; it holds no underscore, so that no code looks like an id.

    `trial_days` is NULL where the installation's TRIAL_PERIOD_DAYS counts. `credits_per_month` is NULL only where
    `credits_unlimited` says why.
    """

    __tablename__ = "plans"
    __table_args__ = (
        CheckConstraint("code ~ '^[a-z][a-z0-9-]{0,31}$'", name="code_is_a_word"),
        CheckConstraint("trial_days >= 0", name="trial_days_not_negative"),
        CheckConstraint("credits_per_month >= 0", name="credits_not_negative"),
        CheckConstraint("(credits_per_month IS NULL) = credits_unlimited", name="credits_counted_or_unlimited"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str]
    position: Mapped[int]
    trial_days: Mapped[int | None]
    credits_per_month: Mapped[int | None]
    credits_unlimited: Mapped[bool]
    active: Mapped[bool]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class PlanPrice(Base):
    """What a plan costs for one interval in one currency. A plan without prices is agreed on with each customer."""

    __tablename__ = "plan_prices"
    __table_args__ = (
        UniqueConstraint("plan_id", "interval", "currency"),
        one_of("interval", PriceInterval),
        is_currency(),
        CheckConstraint("amount_minor >= 0", name="amount_not_negative"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    interval: Mapped[PriceInterval] = mapped_column(TextEnum(PriceInterval))
    currency: Mapped[str] = mapped_column(CHAR(3))
    amount_minor: Mapped[int]


class PlanFeature(Base):
    """What a plan holds of one feature: a limit, no limit, or a text. `billing/catalog/features.py` lists the features."""

    __tablename__ = "plan_features"
    __table_args__ = (
        CheckConstraint(f"limit_value BETWEEN 0 AND {LIMIT_VALUE_MAX}", name="limit_in_range"),
        CheckConstraint("num_nonnulls(limit_value, text_value) + unlimited::int = 1", name="one_value"),
    )

    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"), primary_key=True)
    feature: Mapped[str] = mapped_column(primary_key=True)
    limit_value: Mapped[int | None]
    unlimited: Mapped[bool]
    text_value: Mapped[str | None]
