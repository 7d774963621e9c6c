"""Use case: what else a subscription says of itself: with what it is paid, whether it renews, the caller's metadata."""

from datetime import datetime

from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.dunning.new_card import try_new_card
from billing.subscriptions.coupon import coupons_of_each, redeem, remove
from billing.subscriptions.move import record
from billing.subscriptions.state import FINAL, SubscriptionTransitionRefused
from models.subscription import Subscription


def revise(
    session: Session,
    *,
    subscription: Subscription,
    payment_method: str | None,
    coupon: str | None,
    removes_coupon: bool,
    auto_renew: bool | None,
    metadata: dict[str, str] | None,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> None:
    """Note what is another; None: as it is. Another card is tried at once where something was not paid.

    The caller holds the locks of customer and subscription. Raises SubscriptionTransitionRefused for one that has ended,
    CouponNotRedeemable.
    """
    if subscription.status in FINAL:
        raise SubscriptionTransitionRefused(f"the subscription is {subscription.status}, and changes no more")
    before = _shown(session, subscription)
    if payment_method is not None and payment_method != subscription.payment_method_id:
        subscription.payment_method_id = payment_method
        try_new_card(session, customer_id=subscription.customer_id, subscription_id=subscription.id, now=now)
    if removes_coupon:
        remove(session, subscription, at=at)
    if coupon is not None:
        redeem(session, subscription, code=coupon, at=at)
    if auto_renew is not None:
        subscription.auto_renew = auto_renew
    if metadata is not None:
        subscription.metadata_ = metadata
    after = _shown(session, subscription)
    if after != before:
        record(
            session,
            subscription,
            fact="subscription.changed",
            before=before,
            after=after,
            actor=actor,
            at=at,
            now=now,
        )


def _shown(session: Session, subscription: Subscription) -> dict[str, object]:
    held = coupons_of_each(session, subscription_ids=[subscription.id]).get(subscription.id)
    return {
        "coupon": held.code if held else None,
        "payment_method": subscription.payment_method_id,
        "auto_renew": subscription.auto_renew,
        "metadata": subscription.metadata_,
    }
