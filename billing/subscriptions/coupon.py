"""Rule and use case: coupons of subscriptions: who may redeem one, and off which invoices it takes something."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from billing.catalog.discount import DiscountTerms, discount, discount_terms_of
from billing.errors import FieldFault, Invalid
from billing.invoicing.draft import Line
from billing.subscriptions.cycle import cycle_from
from models.coupon import Coupon, CouponDuration
from models.ids import new_id
from models.invoice import BillingReason, Invoice, InvoiceStatus
from models.price import PriceInterval
from models.subscription import Subscription, SubscriptionDiscount

# An amount comes off once a period. Off each change within one it would pay for changing to and fro.
_OF_PERIODS = (BillingReason.SUBSCRIPTION_CREATE, BillingReason.SUBSCRIPTION_CYCLE)


class CouponNotRedeemable(Invalid):
    """There is no such coupon, or it has ended, is used up, or is an amount in another currency."""

    code = "coupon_not_redeemable"


class HeldCoupon(NamedTuple):
    """A coupon that a subscription has redeemed; `used_by` is the invoice that took one that counts once."""

    id: UUID
    code: str
    terms: DiscountTerms
    duration: CouponDuration
    starts_at: datetime
    ends_at: datetime | None
    used_by: UUID | None

    def off(self, lines: Sequence[Line], *, reason: BillingReason, on: datetime) -> list[Line]:
        """Return an invoice's new lines with what the coupon takes off them, for time that begins `on`."""
        begun = self.starts_at <= on and (self.ends_at is None or on < self.ends_at)
        if not begun or self.used_by is not None or (self.terms.percent_off is None and reason not in _OF_PERIODS):
            return list(lines)
        parts = discount(self.terms, [line.amount_minor for line in lines])
        return [replace(line, discount_minor=part) for line, part in zip(lines, parts, strict=True)]


def coupons_of_each(session: Session, *, subscription_ids: Collection[UUID]) -> dict[UUID, HeldCoupon]:
    """Return the coupon that each subscription has, where it has one; one query for all of them.

    What an invoice took that is void now is to be had again.
    """
    query = (
        select(SubscriptionDiscount, Coupon, Invoice.id)
        .join(Coupon, Coupon.id == SubscriptionDiscount.coupon_id)
        .outerjoin(Invoice, (Invoice.id == SubscriptionDiscount.used_by) & (Invoice.status != InvoiceStatus.VOID))
        .where(SubscriptionDiscount.subscription_id.in_(subscription_ids), SubscriptionDiscount.removed_at.is_(None))
    )
    return {
        row.subscription_id: HeldCoupon(
            row.id, coupon.code, discount_terms_of(coupon), coupon.duration, row.starts_at, row.ends_at, used_by
        )
        for row, coupon, used_by in session.execute(query)
    }


def discounted(held: HeldCoupon | None, lines: Sequence[Line], *, reason: BillingReason, on: datetime) -> list[Line]:
    """Return lines with what a coupon takes off them, if there is one."""
    return list(lines) if held is None else held.off(lines, reason=reason, on=on)


def use_up(session: Session, held: Mapping[UUID, HeldCoupon], invoice_of: Mapping[UUID, UUID]) -> None:
    """Note which invoices took coupons that count once, by subscription. The caller holds the subscriptions' locks."""
    for subscription_id, invoice_id in invoice_of.items():
        coupon = held.get(subscription_id)
        if coupon is None or coupon.duration is not CouponDuration.ONCE or coupon.used_by is not None:
            continue
        took = select(Invoice.id).where(Invoice.id == invoice_id, Invoice.discount_minor > 0).scalar_subquery()
        session.execute(update(SubscriptionDiscount).where(SubscriptionDiscount.id == coupon.id).values(used_by=took))


def redeem(session: Session, subscription: Subscription, *, code: str, at: datetime) -> None:
    """Give a subscription a coupon, in the place of one that it has. It counts from the trial's end, or from `at`.

    The caller holds the subscription's lock. Raises CouponNotRedeemable.
    """
    coupon = session.scalar(select(Coupon).where(Coupon.code == code).with_for_update())
    if coupon is None or not coupon.active:
        raise _refused(f"there is no coupon {code!r}")
    if coupon.redeem_by is not None and at >= coupon.redeem_by:
        raise _refused(f"the coupon {code} could be redeemed until {coupon.redeem_by:%Y-%m-%d}")
    if coupon.currency is not None and coupon.currency != subscription.currency:
        raise _refused(
            f"the coupon {code} is an amount in {coupon.currency}, the subscription is in {subscription.currency}"
        )
    if coupon.redemptions_max is not None:
        query = select(func.count()).where(SubscriptionDiscount.coupon_id == coupon.id)
        if session.scalars(query).one() >= coupon.redemptions_max:
            raise _refused(
                f"the coupon {code} has been redeemed {coupon.redemptions_max} times, which is all there were"
            )
    remove(session, subscription, at=at)
    starts_at = max(at, subscription.trial_end or at)
    ends_at = None
    if coupon.duration_months is not None:
        ends_at = cycle_from(starts_at, interval=PriceInterval.MONTH).boundary(coupon.duration_months)
    session.add(
        SubscriptionDiscount(
            id=new_id(), subscription_id=subscription.id, coupon_id=coupon.id, starts_at=starts_at, ends_at=ends_at
        )
    )
    session.flush()


def remove(session: Session, subscription: Subscription, *, at: datetime) -> None:
    """Take the coupon from a subscription, if it has one. The caller holds the subscription's lock."""
    session.execute(
        update(SubscriptionDiscount)
        .where(SubscriptionDiscount.subscription_id == subscription.id, SubscriptionDiscount.removed_at.is_(None))
        .values(removed_at=at)
    )


def _refused(detail: str) -> CouponNotRedeemable:
    return CouponNotRedeemable(detail, errors=[FieldFault("/coupon", "not_redeemable", detail)])
