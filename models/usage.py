"""Usage: meters and their rates, the events that were reported, what they add up to, and what is still to be charged."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Numeric, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TextEnum, one_of
from models.ids import new_id
from models.leased_work import LeasedWork, due_index

# A petabyte in bytes is within it, and so is a billionth of a unit.
QUANTITY_MAX = 10**15
QUANTITY_DECIMALS = 9


class MeterAggregation(StrEnum):
    """How events become a quantity: each counts 1, or as much as a number in its `data` says."""

    COUNT = "count"
    SUM = "sum"


class CreditRounding(StrEnum):
    """How the credits of a customer's day become a whole number; `half_up` gives half a credit to the service."""

    DOWN = "down"
    HALF_UP = "half_up"
    UP = "up"


class ChargeStatus(StrEnum):
    """Where the deduction of an event's credits stands; a failed one waits for a person."""

    PENDING = "pending"
    CHARGED = "charged"
    FAILED = "failed"


class Meter(Base):
    """Which events are counted, how, and what a unit costs. It never changes: it is retired, and another is made.

    A unit costs `credits_numerator / credits_denominator` credits; without them nothing is deducted.
    """

    __tablename__ = "meters"
    __table_args__ = (
        one_of("aggregation", MeterAggregation),
        one_of("rounding", CreditRounding),
        CheckConstraint("code ~ '^[a-z][a-z0-9_]{0,63}$'", name="code_is_a_word"),
        CheckConstraint("(aggregation = 'sum') = (value_property IS NOT NULL)", name="sum_of_a_property"),
        CheckConstraint(
            "num_nonnulls(credits_numerator, credits_denominator, rounding) IN (0, 3)", name="rate_all_or_nothing"
        ),
        CheckConstraint("credits_numerator > 0 AND credits_denominator > 0", name="rate_positive"),
        # An event is counted by one meter: that of its type which is not retired.
        Index("uq_meters_event_type", "event_type", unique=True, postgresql_where=text("retired_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    event_type: Mapped[str]
    aggregation: Mapped[MeterAggregation] = mapped_column(TextEnum(MeterAggregation))
    value_property: Mapped[str | None]
    credits_numerator: Mapped[int | None]
    credits_denominator: Mapped[int | None]
    rounding: Mapped[CreditRounding | None] = mapped_column(TextEnum(CreditRounding))
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class UsageEvent(Base):
    """One event that counts, once for its `source` and `event_id`: immutable. What else its `data` held is not kept.

    It counts on the day (UTC) of `occurred_at`, its own time. `project` is '' where it named none.
    """

    __tablename__ = "usage_events"
    __table_args__ = (
        UniqueConstraint("event_id", "source"),  # in this order an event is found by its id alone, too
        CheckConstraint(f"quantity BETWEEN 0 AND {QUANTITY_MAX}", name="quantity_in_range"),
        Index("ix_usage_events_customer", "customer_id", "id"),
        # What was used in a part of a day is billed.
        Index("ix_usage_events_time", "customer_id", "meter_id", "occurred_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    meter_id: Mapped[UUID] = mapped_column(ForeignKey("meters.id"))
    source: Mapped[str]
    event_id: Mapped[str]
    occurred_at: Mapped[datetime]
    quantity: Mapped[Decimal] = mapped_column(Numeric(25, QUANTITY_DECIMALS))
    project: Mapped[str]
    actor: Mapped[str]
    received_at: Mapped[datetime]


class UsageTotal(Base):
    """What a customer's events of one meter and one day (UTC) add up to; written in the commit of the events."""

    __tablename__ = "usage_totals"
    __table_args__ = (CheckConstraint("quantity >= 0 AND count > 0", name="something_was_counted"),)

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    meter_id: Mapped[UUID] = mapped_column(ForeignKey("meters.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date(), primary_key=True)
    quantity: Mapped[Decimal] = mapped_column(Numeric(38, QUANTITY_DECIMALS))
    count: Mapped[int]


class UsageCharge(LeasedWork, Base):
    """The credits of an event, to be deducted once: the event's id is the charge's, and that of the credit transaction."""

    __tablename__ = "usage_charges"
    __table_args__ = (
        one_of("status", ChargeStatus),
        CheckConstraint("credits > 0", name="credits_positive"),
        CheckConstraint("(status = 'pending') = (next_attempt_at IS NOT NULL)", name="due_while_pending"),
        CheckConstraint("(status = 'charged') = (charged_at IS NOT NULL)", name="charged_at_some_time"),
        due_index("usage_charges"),
    )

    id: Mapped[UUID] = mapped_column(ForeignKey("usage_events.id"), primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    credits: Mapped[int]
    status: Mapped[ChargeStatus] = mapped_column(
        TextEnum(ChargeStatus), default=ChargeStatus.PENDING, server_default=text("'pending'")
    )
    charged_at: Mapped[datetime | None]
