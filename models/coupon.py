"""Coupons: what is taken off invoices, for how long, and how often a code may be redeemed."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CHAR, CheckConstraint, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TextEnum, is_currency, one_of
from models.ids import new_id

COUPON_CODE_PATTERN = "^[A-Za-z0-9][A-Za-z0-9-]{0,63}$"


class CouponDuration(StrEnum):
    """Off which invoices: the first, those of `duration_months`, or all."""

    ONCE = "once"
    REPEATING = "repeating"
    FOREVER = "forever"


class Coupon(Base):
    """So many percent off, or an amount in one currency. What it takes off never changes; whether it may be redeemed does.

    `code` is what customers type, told apart by case; it holds no underscore, so that no code looks like an id.
    `redemptions_max` is NULL where there is no limit, and `redeem_by` where there is no end.
    """

    __tablename__ = "coupons"
    __table_args__ = (
        one_of("duration", CouponDuration),
        is_currency(),
        CheckConstraint(f"code ~ '{COUPON_CODE_PATTERN}'", name="code_is_a_word"),
        CheckConstraint("num_nonnulls(percent_off, amount_off_minor) = 1", name="percent_or_amount"),
        CheckConstraint("percent_off > 0 AND percent_off <= 100", name="percent_off_in_range"),
        CheckConstraint("amount_off_minor > 0", name="amount_off_positive"),
        CheckConstraint("(amount_off_minor IS NULL) = (currency IS NULL)", name="amount_off_beside_its_currency"),
        CheckConstraint("(duration = 'repeating') = (duration_months IS NOT NULL)", name="repeating_for_months"),
        CheckConstraint("duration_months > 0", name="duration_months_positive"),
        CheckConstraint("redemptions_max > 0", name="redemptions_max_positive"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    percent_off: Mapped[Decimal | None] = mapped_column(Numeric(5, 2))
    amount_off_minor: Mapped[int | None]
    currency: Mapped[str | None] = mapped_column(CHAR(3))
    duration: Mapped[CouponDuration] = mapped_column(TextEnum(CouponDuration))
    duration_months: Mapped[int | None]
    redemptions_max: Mapped[int | None]
    redeem_by: Mapped[datetime | None]
    active: Mapped[bool]
    created_at: Mapped[datetime]
