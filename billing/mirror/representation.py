"""What callers, events and the audit log see of a subscription that Stripe bills: the fields of any subscription."""

from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.subscriptions.prefixes import SUBSCRIPTION_PREFIX
from billing.timestamps import iso
from models.ids import public_id
from models.mirror import MirroredSubscription
from models.subscription import SubscriptionStatus

STRIPE = "stripe"


def mirror_representation(mirror: MirroredSubscription, *, plan_code: str | None) -> dict[str, object]:
    """Return the mirrored subscription as JSON-like data; what only our own engine decides is null."""
    paused = mirror.status is SubscriptionStatus.PAUSED
    return {
        "id": public_id(SUBSCRIPTION_PREFIX, mirror.id),
        "managed_by": STRIPE,
        "gateway_id": mirror.gateway_id,
        "gateway_status": mirror.gateway_status,
        "imported_as": public_id(SUBSCRIPTION_PREFIX, mirror.imported_as) if mirror.imported_as else None,
        "customer_id": public_id(CUSTOMER_PREFIX, mirror.customer_id) if mirror.customer_id else None,
        "status": str(mirror.status),
        "plan": plan_code,
        "interval": str(mirror.interval) if mirror.interval else None,
        "currency": mirror.currency,
        "items": [
            {"id": item["id"], "price_id": item["price_id"], "name": item["name"], "quantity": item["quantity"] or 0}
            for item in mirror.items
        ],
        "current_period_start": iso(mirror.current_period_start),
        "current_period_end": iso(mirror.current_period_end),
        "billing_anchor_day": mirror.anchor.day,
        "trial_start": iso(mirror.trial_start),
        "trial_end": iso(mirror.trial_end),
        "collection": str(mirror.collection),
        "days_until_due": mirror.days_until_due,
        "auto_renew": not mirror.cancel_at_period_end,
        "payment_method": mirror.payment_method_id,
        "proration_policy": None,
        "cancel_at_period_end": mirror.cancel_at_period_end,
        "cancel_requested_at": iso(mirror.cancel_requested_at),
        "cancel_reason": mirror.cancel_reason,
        "pending_change": None,
        # At the gateway only a trial that ends without a payment method pauses a subscription.
        "paused_at": iso(mirror.trial_end) if paused else None,
        "pause_behavior": None,
        "resume_at": None,
        "ended_at": iso(mirror.ended_at),
        "latest_invoice_id": None,
        "metadata": mirror.metadata_,
        "created_at": iso(mirror.created_at),
        "updated_at": iso(mirror.updated_at),
    }
