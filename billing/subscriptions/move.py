"""Use case: a subscription goes from one status to another, or something else of it changes; with its event and audit entry."""

from datetime import datetime

from sqlalchemy.orm import Session

from billing import audit
from billing.actor import Actor
from billing.facts import record_fact
from billing.subscriptions.credit_limit import note_limits
from billing.subscriptions.find import represented
from billing.subscriptions.next_action import next_action
from billing.subscriptions.state import FINAL, require_transition
from models.subscription import Subscription, SubscriptionStatus


def move(
    session: Session,
    subscription: Subscription,
    *,
    to: SubscriptionStatus,
    fact: str,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> None:
    """Bring a locked subscription to another status. Raises SubscriptionTransitionRefused; nothing is changed then."""
    require_transition(subscription.status, to)
    before = subscription.status
    subscription.status = to
    if to in FINAL:
        subscription.ended_at = at
    record(
        session,
        subscription,
        fact=fact,
        before={"status": str(before)},
        after={"status": str(to)},
        actor=actor,
        at=at,
        now=now,
    )


def record(
    session: Session,
    subscription: Subscription,
    *,
    fact: str,
    before: dict[str, object],
    after: dict[str, object],
    actor: Actor,
    at: datetime,
    now: datetime,
) -> None:
    """Write down that a locked subscription has changed, and when it is due next."""
    due = next_action(subscription)
    subscription.next_action_at = due.at if due else None
    subscription.updated_at = at
    session.flush()
    note_limits(session, [subscription], now=now)
    (state,) = represented(session, [subscription])
    changed_before, changed_after = audit.changed_fields(before, after)
    record_fact(
        session,
        fact=fact,
        object_type="subscription",
        state=state,
        customer_id=subscription.customer_id,
        before=changed_before,
        after=changed_after,
        actor=actor,
        now=now,
    )
