"""Rule: what a subscription owes for the period that it is in."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from billing.invoicing.draft import Draft, Line
from billing.subscriptions.coupon import HeldCoupon, discounted
from billing.subscriptions.cycle import Cycle, Period
from billing.subscriptions.lines import PricedItem, recurring_lines, rest_lines
from billing.subscriptions.policy import policy_of
from billing.subscriptions.proration import Policy, share_left
from models.invoice import BillingReason
from models.subscription import Subscription


class Owed(NamedTuple):
    """What a subscription owes from before: lines that waited, what was used, and the coupon that comes off new lines."""

    waiting: Sequence[Line] = ()
    arrears: Sequence[Line] = ()
    coupon: HeldCoupon | None = None


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
    subscription: Subscription, items: Sequence[PricedItem], owed: Owed, *, reason: BillingReason, at: datetime
) -> Draft:
    """Return the invoice of the present period, issued at `at`, with what is owed from before."""
    period = period_of(subscription)
    lines = period_lines(items, period=period, cycle=cycle_of(subscription), policy=policy_of(subscription))
    new = discounted(owed.coupon, [*owed.arrears, *lines], reason=reason, on=period.start)
    return draft_of(subscription, [*owed.waiting, *new], period=period, reason=reason, at=at)


def last_draft(subscription: Subscription, owed: Owed, *, at: datetime) -> Draft | None:
    """Return the invoice of what is owed when a subscription ends, None where that is nothing."""
    period, reason = period_of(subscription), BillingReason.SUBSCRIPTION_UPDATE
    lines = [*owed.waiting, *discounted(owed.coupon, owed.arrears, reason=reason, on=period.start)]
    return draft_of(subscription, lines, period=period, reason=reason, at=at) if lines else None


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
