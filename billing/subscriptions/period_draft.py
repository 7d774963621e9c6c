"""Rule: what a subscription owes for its present period."""

from collections.abc import Sequence
from datetime import datetime

from billing.invoicing.draft import Draft
from billing.subscriptions.cycle import Cycle, Period
from billing.subscriptions.lines import PricedItem, recurring_lines, rest_lines
from billing.subscriptions.policy import policy_of
from billing.subscriptions.proration import share_left
from models.invoice import BillingReason
from models.subscription import Subscription


def period_draft(
    subscription: Subscription, items: Sequence[PricedItem], *, reason: BillingReason, at: datetime
) -> Draft:
    """Return the invoice of the present period, issued at `at`.

    A period that begins before a moved anchor is a part of one, and costs that part.
    """
    period = Period(subscription.current_period_start, subscription.current_period_end)
    whole = Cycle(subscription.anchor, subscription.anchor_day, subscription.interval).period_at(period.start)
    if period == whole:
        lines = recurring_lines(items, period=period)
    else:
        left = share_left(whole, at=period.start, policy=policy_of(subscription))
        lines = rest_lines(items, rest=period, left=left)
    return Draft(
        customer_id=subscription.customer_id,
        subscription_id=subscription.id,
        reason=reason,
        currency=subscription.currency,
        period=period,
        lines=lines,
        collection=subscription.collection,
        days_until_due=subscription.days_until_due,
        payment_method_id=subscription.payment_method_id,
        on_test_clock=subscription.test_clock_id is not None,
        at=at,
    )
