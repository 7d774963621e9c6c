"""Rule: what a subscription owes for the period that it is in."""

from collections.abc import Sequence
from datetime import datetime

from billing.invoicing.draft import Draft, Line
from billing.subscriptions.coupon import HeldCoupon, discounted
from billing.subscriptions.cycle import Cycle, Period
from billing.subscriptions.lines import PricedItem, recurring_lines, rest_lines
from billing.subscriptions.policy import policy_of
from billing.subscriptions.proration import Policy, share_left
from models.invoice import BillingReason
from models.subscription import Subscription


def cycle_of(subscription: Subscription) -> Cycle:
    """Return the subscription's periods."""
    return Cycle(subscription.anchor, subscription.anchor_day, subscription.interval)


def period_of(subscription: Subscription) -> Period:
    """Return the period that the subscription is in."""
    return Period(subscription.current_period_start, subscription.current_period_end)


def period_lines(items: Sequence[PricedItem], *, period: Period, cycle: Cycle, policy: Policy) -> list[Line]:
    """Return what the items cost for a period of the cycle.

    A period that begins before a moved anchor is a part of one, and costs that part.
    """
    whole = cycle.period_at(period.start)
    if period == whole:
        return recurring_lines(items, period=period)
    return rest_lines(items, rest=period, left=share_left(whole, at=period.start, policy=policy))


def period_draft(
    subscription: Subscription,
    items: Sequence[PricedItem],
    *,
    waiting: Sequence[Line] = (),
    coupon: HeldCoupon | None = None,
    reason: BillingReason,
    at: datetime,
) -> Draft:
    """Return the invoice of the present period, issued at `at`; lines that were waiting for it come first."""
    period = period_of(subscription)
    lines = period_lines(items, period=period, cycle=cycle_of(subscription), policy=policy_of(subscription))
    lines = discounted(coupon, lines, reason=reason, on=period.start)
    return draft_of(subscription, [*waiting, *lines], period=period, reason=reason, at=at)


def draft_of(
    subscription: Subscription, lines: Sequence[Line], *, period: Period, reason: BillingReason, at: datetime
) -> Draft:
    """Return an invoice of the subscription, issued at `at`; it is collected as the subscription says."""
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
