"""Rule: what has happened to a mirrored subscription, by what it was and what it is: one event for each observation that is news.

What came in between and was not observed is not told: it goes from `trialing` to `canceled` in one step.
"""

from collections.abc import Mapping

from models.subscription import SubscriptionStatus

_S = SubscriptionStatus
_ARRIVALS = {
    _S.PAST_DUE: "subscription.past_due",
    _S.PAUSED: "subscription.paused",
    _S.CANCELED: "subscription.canceled",
    _S.EXPIRED: "subscription.expired",
}
_RETURNS = {
    _S.INCOMPLETE: "subscription.activated",
    _S.TRIALING: "subscription.trial_ended",
    _S.PAST_DUE: "subscription.recovered",
    _S.PAUSED: "subscription.resumed",
}


def fact_of(before: Mapping[str, object] | None, after: Mapping[str, object]) -> str | None:
    """Return the event between two representations; None where they say the same. Without a `before` it was created."""
    if before is None:
        return "subscription.created"
    was, now = SubscriptionStatus(str(before["status"])), SubscriptionStatus(str(after["status"]))
    if was is not now:
        return _ARRIVALS.get(now) or _RETURNS.get(was, "subscription.changed")
    if before["current_period_start"] != after["current_period_start"]:
        return "subscription.renewed"
    return None if before == after else "subscription.changed"
