"""What callers, events and the audit log see of a subscription."""

from collections.abc import Sequence

from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.invoicing.prefixes import INVOICE_PREFIX
from billing.subscriptions.coupon import HeldCoupon
from billing.subscriptions.lines import PricedItem
from billing.subscriptions.prefixes import ITEM_PREFIX, SUBSCRIPTION_PREFIX
from billing.timestamps import iso
from models.ids import public_id
from models.plan import Plan
from models.subscription import Subscription, SubscriptionChange

# Who bills it: our own engine; the others are mirrored (billing/mirror).
BILLING = "billing"


def subscription_representation(
    subscription: Subscription,
    *,
    items: Sequence[PricedItem],
    plan: Plan,
    pending: tuple[SubscriptionChange, Plan] | None = None,
    coupon: HeldCoupon | None = None,
) -> dict[str, object]:
    """Return the subscription as JSON-like data; `pending` is the change that has not come, with its plan."""
    return {
        "id": public_id(SUBSCRIPTION_PREFIX, subscription.id),
        "managed_by": BILLING,
        "gateway_id": None,
        "gateway_status": None,
        "imported_as": None,
        "customer_id": public_id(CUSTOMER_PREFIX, subscription.customer_id),
        "status": str(subscription.status),
        "plan": plan.code,
        "interval": str(subscription.interval),
        "currency": subscription.currency,
        "items": [
            {
                "id": public_id(ITEM_PREFIX, item.item_id),
                "price_id": public_id("price", item.price_id),
                "plan": item.plan,
                "name": item.name,
                "quantity": item.quantity,
            }
            for item in items
        ],
        "current_period_start": iso(subscription.current_period_start),
        "current_period_end": iso(subscription.current_period_end),
        "billing_anchor_day": subscription.anchor_day,
        "trial_start": iso(subscription.trial_start),
        "trial_end": iso(subscription.trial_end),
        "collection": str(subscription.collection),
        "days_until_due": subscription.days_until_due,
        "auto_renew": subscription.auto_renew,
        "payment_method": subscription.payment_method_id,
        "proration_policy": {
            "granularity": subscription.proration_granularity,
            "event_day": subscription.proration_event_day,
        },
        "cancel_at_period_end": subscription.cancel_at_period_end,
        "cancel_requested_at": iso(subscription.cancel_requested_at),
        "cancel_reason": subscription.cancel_reason,
        "discount": discount_representation(coupon) if coupon else None,
        "pending_change": change_representation(*pending) if pending else None,
        "paused_at": iso(subscription.paused_at),
        "pause_behavior": str(subscription.pause_behavior) if subscription.pause_behavior else None,
        "resume_at": iso(subscription.resume_at),
        "ended_at": iso(subscription.ended_at),
        "latest_invoice_id": (
            public_id(INVOICE_PREFIX, subscription.latest_invoice_id) if subscription.latest_invoice_id else None
        ),
        "external_id": subscription.external_id,
        "metadata": subscription.metadata_,
        "created_at": iso(subscription.created_at),
        "updated_at": iso(subscription.updated_at),
    }


def change_representation(change: SubscriptionChange, plan: Plan) -> dict[str, object]:
    """Return a change that has not come as JSON-like data; with `invoice_id` it waits for that to be paid."""
    return {
        "plan": plan.code,
        "interval": str(change.interval),
        "quantity": change.quantity,
        "effective_at": iso(change.changes_at),
        "invoice_id": public_id(INVOICE_PREFIX, change.invoice_id) if change.invoice_id else None,
    }


def discount_representation(coupon: HeldCoupon) -> dict[str, object]:
    """Return a redeemed coupon as JSON-like data; `used_by` is the invoice that took one that counts once."""
    terms = coupon.terms
    return {
        "coupon": coupon.code,
        "percent_off": f"{terms.percent_off.normalize():f}" if terms.percent_off is not None else None,
        "amount_off": terms.amount_off_minor,
        "currency": terms.currency,
        "duration": str(coupon.duration),
        "starts_at": iso(coupon.starts_at),
        "ends_at": iso(coupon.ends_at),
        "used_by": public_id(INVOICE_PREFIX, coupon.used_by) if coupon.used_by else None,
    }
