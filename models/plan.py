"""The catalog: plans, the versions in which their terms are published, and what each version holds."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TextEnum, one_of
from models.ids import new_id

# Far past any limit that means something; two of it still fit into a BIGINT, so that no sum of uses overflows.
LIMIT_VALUE_MAX = 10**18
PLAN_CODE_PATTERN = "^[a-z][a-z0-9-]{0,31}$"


class PlanKind(StrEnum):
    """What is subscribed to: a plan, or something that comes on top of one."""

    PLAN = "plan"
    ADDON = "addon"


class Plan(Base):
    """One plan. `code` is what callers name it by; it holds no underscore, so that no code looks like an id.

    What it is called and whether it is offered changes in place; its terms are those of its versions.
    """

    __tablename__ = "plans"
    __table_args__ = (
        one_of("kind", PlanKind),
        CheckConstraint(f"code ~ '{PLAN_CODE_PATTERN}'", name="code_is_a_word"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str]
    position: Mapped[int]
    kind: Mapped[PlanKind] = mapped_column(TextEnum(PlanKind))
    active: Mapped[bool]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class PlanVersion(Base):
    """The terms of a plan as they were published: immutable, with its list prices and features. The greatest number is current.

    `trial_days` is NULL where the installation's TRIAL_PERIOD_DAYS counts. `credits_per_month` is NULL only where
    `credits_unlimited` says why. `credits_roll_over_max` is how many unspent credits of the plan's allowance are carried over
    into the next month at most; NULL: none. `recorded_in` is the database transaction that wrote it: prices and features are
    added in the same one, or not at all.
    """

    __tablename__ = "plan_versions"
    __table_args__ = (
        UniqueConstraint("plan_id", "number"),
        CheckConstraint("number > 0", name="number_positive"),
        CheckConstraint("trial_days >= 0", name="trial_days_not_negative"),
        CheckConstraint("credits_per_month >= 0", name="credits_not_negative"),
        CheckConstraint("(credits_per_month IS NULL) = credits_unlimited", name="credits_counted_or_unlimited"),
        CheckConstraint("credits_roll_over_max > 0", name="roll_over_positive"),
        CheckConstraint("credits_roll_over_max IS NULL OR NOT credits_unlimited", name="roll_over_of_counted_credits"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    number: Mapped[int]
    trial_days: Mapped[int | None]
    credits_per_month: Mapped[int | None]
    credits_unlimited: Mapped[bool]
    credits_roll_over_max: Mapped[int | None]
    published_at: Mapped[datetime]
    recorded_in: Mapped[int] = mapped_column(server_default=text("(pg_current_xact_id()::text)::bigint"))


class PlanFeature(Base):
    """What a version holds of one feature: a limit, no limit, or a text. `billing/catalog/features.py` lists the features."""

    __tablename__ = "plan_features"
    __table_args__ = (
        CheckConstraint(f"limit_value BETWEEN 0 AND {LIMIT_VALUE_MAX}", name="limit_in_range"),
        CheckConstraint("num_nonnulls(limit_value, text_value) + unlimited::int = 1", name="one_value"),
    )

    version_id: Mapped[UUID] = mapped_column(ForeignKey("plan_versions.id"), primary_key=True)
    feature: Mapped[str] = mapped_column(primary_key=True)
    limit_value: Mapped[int | None]
    unlimited: Mapped[bool]
    text_value: Mapped[str | None]
