"""Rule: a subscription's proration policy, from its row and to callers."""

from billing.subscriptions.proration import EventDay, Granularity, Policy
from models.subscription import Subscription


def policy_of(subscription: Subscription) -> Policy:
    """Return how the subscription is prorated."""
    return Policy(Granularity(subscription.proration_granularity), EventDay(subscription.proration_event_day))
