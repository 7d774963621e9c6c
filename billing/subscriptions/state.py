"""Rule: where a subscription stands, and where it may go from there."""

from billing.errors import Conflict
from models.subscription import SubscriptionStatus

_S = SubscriptionStatus

# Who may go where. `canceled` and `expired` are final: who comes back subscribes anew.
TRANSITIONS: dict[SubscriptionStatus, frozenset[SubscriptionStatus]] = {
    # The first invoice is not paid yet; what is not paid within a day was never a subscription.
    _S.INCOMPLETE: frozenset({_S.ACTIVE, _S.EXPIRED, _S.CANCELED}),
    _S.TRIALING: frozenset({_S.ACTIVE, _S.PAST_DUE, _S.PAUSED, _S.CANCELED}),
    _S.ACTIVE: frozenset({_S.PAST_DUE, _S.PAUSED, _S.CANCELED}),
    _S.PAST_DUE: frozenset({_S.ACTIVE, _S.PAUSED, _S.CANCELED}),
    _S.PAUSED: frozenset({_S.ACTIVE, _S.TRIALING, _S.PAST_DUE, _S.CANCELED}),
    _S.CANCELED: frozenset(),
    _S.EXPIRED: frozenset(),
}
FINAL = frozenset(status for status, onward in TRANSITIONS.items() if not onward)
# Of these there is one at most for a customer and plan; they hold the customer's features and are billed.
LIVING = frozenset(SubscriptionStatus) - FINAL
# These have been paid for, or need not be yet: the customer has the plan.
SERVED = frozenset({_S.TRIALING, _S.ACTIVE, _S.PAST_DUE})


class SubscriptionTransitionRefused(Conflict):
    """The subscription stands where this cannot be done."""

    code = "subscription_transition_refused"


def require_transition(before: SubscriptionStatus, after: SubscriptionStatus) -> None:
    """Raise SubscriptionTransitionRefused unless a subscription may go from `before` to `after`."""
    if after not in TRANSITIONS[before]:
        onward = ", ".join(sorted(TRANSITIONS[before])) or "nowhere: it has ended"
        raise SubscriptionTransitionRefused(
            f"a subscription that is {before} cannot become {after}; it can go to {onward}"
        )
