"""What callers, events and the audit log see of a subscription."""

from collections.abc import Mapping, Sequence

from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.invoicing.prefixes import INVOICE_PREFIX
from billing.subscriptions.lines import PricedItem
from billing.subscriptions.prefixes import ITEM_PREFIX, SUBSCRIPTION_PREFIX
from billing.timestamps import iso
from models.ids import public_id
from models.plan import Plan
from models.subscription import Subscription


def subscription_representation(
    subscription: Subscription,
    *,
    items: Sequence[PricedItem],
    plan: Plan,
    pending_change: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Return the subscription as JSON-like data; `pending_change` is what waits for the period's end."""
    return {
        "id": public_id(SUBSCRIPTION_PREFIX, subscription.id),
        "customer_id": public_id(CUSTOMER_PREFIX, subscription.customer_id),
        "status": str(subscription.status),
        "plan": plan.code,
        "interval": str(subscription.interval),
        "currency": subscription.currency,
        "items": [
            {
                "id": public_id(ITEM_PREFIX, item.item_id),
                "price_id": public_id("price", item.price_id),
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
        "pending_change": dict(pending_change) if pending_change else None,
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
