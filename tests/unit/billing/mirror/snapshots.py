"""A subscription as Stripe answers with it; tests change what they are about."""

from typing import Any

from billing.gateways.snapshots import SubscriptionSnapshot

START, END = 1_769_817_600, 1_772_236_800  # 31 January 2026, 28 February 2026


def subscription(*, price: dict[str, Any] | None = None, **changed: Any) -> SubscriptionSnapshot:
    """Return an active monthly subscription to one seat at 29.00, paid for, with changes."""
    product = {"id": "prod_1", "name": "Pro", "metadata": {}}
    recurring = {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
    sold = {"id": "price_1", "currency": "usd", "unit_amount": 2900, "product": product, "recurring": recurring}
    item = {
        "id": "si_1",
        "quantity": 1,
        "price": {**sold, **(price or {})},
        "current_period_start": START,
        "current_period_end": END,
    }
    invoice = {
        "id": "in_1",
        "status": "paid",
        "created": START,
        "status_transitions": {"finalized_at": START + 60},
        "lines": {"data": [{"period": {"start": START, "end": END}}], "has_more": False},
    }
    return SubscriptionSnapshot.model_validate(
        {
            "id": "sub_1",
            "status": "active",
            "livemode": False,
            "currency": "usd",
            "created": START,
            "billing_cycle_anchor": START,
            "customer": {"id": "cus_1"},
            "items": {"data": [item]},
            "latest_invoice": invoice,
            "collection_method": "charge_automatically",
            "cancel_at_period_end": False,
            **changed,
        }
    )
