"""Rule: what happens to a subscription by itself, and when. One row of `subscriptions` is due at the earliest of these."""

from datetime import datetime, timedelta
from enum import IntEnum
from typing import NamedTuple

from models.subscription import Subscription, SubscriptionStatus

# As long as the gateway keeps a first payment waiting for its customer; and how long before a trial's end the customer is told.
INCOMPLETE_KEPT = timedelta(hours=23)
TRIAL_REMINDER = timedelta(days=3)
_S = SubscriptionStatus


class Action(IntEnum):
    """What is to be done. Of what is due at the same moment the smaller number comes first."""

    EXPIRE = 1
    EXPIRE_CHANGE = 2
    REMIND_OF_TRIAL_END = 3
    RESUME = 4
    END_PERIOD = 5
    GRANT_CREDITS = 6


class Due(NamedTuple):
    """An action, and from when on."""

    at: datetime
    action: Action


def next_action(subscription: Subscription) -> Due | None:
    """Return what comes next by itself; None for what has ended."""
    return min(_all(subscription), default=None)


def _all(subscription: Subscription) -> list[Due]:
    status = subscription.status
    if status in {_S.CANCELED, _S.EXPIRED}:
        return []
    if status is _S.INCOMPLETE:
        return [Due(subscription.created_at + INCOMPLETE_KEPT, Action.EXPIRE)]
    due = [Due(subscription.current_period_end, Action.END_PERIOD)]
    if status is _S.PAUSED:
        if subscription.resume_at is not None:
            due.append(Due(subscription.resume_at, Action.RESUME))
        return due
    if subscription.change_expires_at is not None:
        due.append(Due(subscription.change_expires_at, Action.EXPIRE_CHANGE))
    if status is _S.TRIALING and subscription.trial_reminded_at is None and not subscription.cancel_at_period_end:
        # One that is shorter than the notice ends without it: who began it knows.
        reminder = subscription.current_period_end - TRIAL_REMINDER
        if reminder > subscription.current_period_start:
            due.append(Due(reminder, Action.REMIND_OF_TRIAL_END))
    credited_until = subscription.credited_until
    if credited_until is not None and credited_until < subscription.current_period_end:
        due.append(Due(credited_until, Action.GRANT_CREDITS))
    return due
