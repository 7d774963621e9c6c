"""Rule, as SQL: which mirrored subscriptions count, and which of them give their customer the plan."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_

from billing.mirror.state import UNPAID
from models.mirror import MirroredSubscription
from models.subscription import SubscriptionStatus


def counts() -> ColumnElement[bool]:
    """Return the condition that a mirrored subscription is one of its own: none of ours has taken its place."""
    return MirroredSubscription.imported_as.is_(None)


def serves(*, late_since_after: datetime) -> ColumnElement[bool]:
    """Return the condition that a customer has the plan of a mirrored subscription; past due it counts for a while.

    What is unpaid at Stripe has used up its retries there, and counts no longer.
    """
    return and_(
        counts(),
        MirroredSubscription.ended_at.is_(None),
        or_(
            MirroredSubscription.status.in_((SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE)),
            and_(
                MirroredSubscription.status == SubscriptionStatus.PAST_DUE,
                MirroredSubscription.gateway_status != UNPAID,
                MirroredSubscription.past_due_since > late_since_after,
            ),
        ),
    )
