"""Rule: what a subscription at the gateway is in our words. A function of its present state alone, so that it does not matter
by how many events, and in what order, that state was heard of.
"""

from datetime import UTC, datetime
from typing import Any

from billing.gateways.errors import GatewayAnswerNotUnderstood
from billing.gateways.snapshots import RecurringSnapshot, SubscriptionItemSnapshot, SubscriptionSnapshot
from models.price import PriceInterval
from models.subscription import Collection, SubscriptionStatus

_S = SubscriptionStatus
UNPAID = "unpaid"
# In the metadata of a subscription at Stripe that is to go on here: the operation that takes it over.
IMPORT_KEY = "billing_import"
# Source: Stripe's documentation, "How subscriptions work". What is `unpaid` was past due until its retries were over.
_STATUSES = {
    "incomplete": _S.INCOMPLETE,
    "incomplete_expired": _S.EXPIRED,
    "trialing": _S.TRIALING,
    "active": _S.ACTIVE,
    "past_due": _S.PAST_DUE,
    UNPAID: _S.PAST_DUE,
    "paused": _S.PAUSED,
    "canceled": _S.CANCELED,
}
_INTERVALS = {
    ("week", 1): PriceInterval.WEEK,
    ("month", 1): PriceInterval.MONTH,
    ("month", 3): PriceInterval.QUARTER,
    ("month", 12): PriceInterval.YEAR,
    ("year", 1): PriceInterval.YEAR,
}
_COLLECTIONS = {"charge_automatically": Collection.AUTOMATIC, "send_invoice": Collection.SEND_INVOICE}
_MONTHS = {"month": 1, "year": 12}
_DAYS = {"day": 1, "week": 7}
_DAYS_IN_A_MONTH = 30


def state_of(subscription: SubscriptionSnapshot, *, item: SubscriptionItemSnapshot) -> dict[str, Any]:
    """Return the columns of a mirrored subscription that the gateway decides; its period is that of `item`.

    Raises GatewayAnswerNotUnderstood for a status or a way of collection that Stripe does not document.
    """
    if subscription.status not in _STATUSES or subscription.collection_method not in _COLLECTIONS:
        raise GatewayAnswerNotUnderstood(
            f"{subscription.id} is {subscription.status!r} and collected by {subscription.collection_method!r}, "
            "which this version does not know"
        )
    status = _STATUSES[subscription.status]
    ended = status in {_S.CANCELED, _S.EXPIRED}
    return {
        "gateway_customer_id": subscription.customer.id,
        "status": status,
        "gateway_status": subscription.status,
        "interval": interval_of(item.price.recurring),
        "currency": subscription.currency.upper(),
        "items": [_item(each) for each in subscription.items],
        "anchor": _moment(subscription.billing_cycle_anchor),
        "current_period_start": _moment(item.current_period_start),
        "current_period_end": _moment(item.current_period_end),
        "trial_start": _moment_or_none(subscription.trial_start),
        "trial_end": _moment_or_none(subscription.trial_end),
        "collection": _COLLECTIONS[subscription.collection_method],
        "days_until_due": subscription.days_until_due or 0,
        "payment_method_id": subscription.default_payment_method,
        "cancel_at_period_end": subscription.cancel_at_period_end or subscription.cancel_at == item.current_period_end,
        "cancel_requested_at": _moment_or_none(subscription.canceled_at),
        "cancel_reason": subscription.cancel_reason,
        "past_due_since": _moment(_late_since(subscription, item)) if status is _S.PAST_DUE else None,
        "ended_at": _moment(subscription.ended_at or subscription.canceled_at or subscription.created)
        if ended
        else None,
        "metadata_": subscription.metadata,
    }


def interval_of(recurring: RecurringSnapshot) -> PriceInterval | None:
    """Return our interval; None for one that we do not bill by, such as two months."""
    return _INTERVALS.get((recurring.interval, recurring.interval_count))


def pays_for_present(subscription: SubscriptionSnapshot, *, item: SubscriptionItemSnapshot) -> bool:
    """Return whether the present period is paid for, or is a trial: its invoice is the latest one, and is paid."""
    invoice = subscription.latest_invoice
    return (
        subscription.status in {"active", "trialing"}
        and invoice is not None
        and invoice.status == "paid"
        and invoice.lines.reach(item.current_period_end)
    )


def credits_of_period(credits_per_month: int, *, recurring: RecurringSnapshot) -> int:
    """Return the credits of one paid period: those of its months, at once. Of days, a thirtieth of a month's each, rounded down.

    1,000 a month are 12,000 for a year, and 233 for a week.
    """
    months = _MONTHS.get(recurring.interval)
    if months is not None:
        return credits_per_month * months * recurring.interval_count
    return credits_per_month * _DAYS[recurring.interval] * recurring.interval_count // _DAYS_IN_A_MONTH


def _item(item: SubscriptionItemSnapshot) -> dict[str, object]:
    price = item.price
    return {
        "id": item.id,
        "price_id": price.id,
        "name": price.nickname or price.product.name or price.id,
        "quantity": item.quantity,
        "unit_amount": price.unit_amount,
    }


def _late_since(subscription: SubscriptionSnapshot, item: SubscriptionItemSnapshot) -> int:
    """Return since when a payment is missing: since its invoice was finalized, which is when it was first tried."""
    invoice = subscription.latest_invoice
    return item.current_period_start if invoice is None else invoice.finalized_at or invoice.created


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _moment_or_none(seconds: int | None) -> datetime | None:
    return None if seconds is None else _moment(seconds)
