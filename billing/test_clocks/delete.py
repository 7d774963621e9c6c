"""Use case: delete a test clock and hide its customers. What was done in its time stays, in its rows and in the ledger."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.test_clocks.facts import record_clock_fact
from billing.test_clocks.find import find_clock
from billing.test_clocks.representation import clock_representation
from models.customer import Customer
from models.subscription import Subscription, SubscriptionStatus
from models.test_clock import ClockStatus, TestClock


def delete_clock(session: Session, *, public: str, actor: Actor, now: datetime) -> TestClock:
    """Delete the clock, also while it advances: the advance then fails. Nothing falls due for its customers any more.

    Raises ClockNotFound.
    """
    clock = find_clock(session, public=public, lock=True)
    before = clock_representation(clock)
    clock.status, clock.deleted_at = ClockStatus.DELETED, now
    clock.advanced_from = clock.target_time = None
    session.execute(
        update(Customer).where(Customer.test_clock_id == clock.id).values(deleted_at=now, updated_at=now),
        execution_options={"synchronize_session": False},
    )
    session.execute(
        update(Subscription)
        .where(Subscription.test_clock_id == clock.id, Subscription.ended_at.is_(None))
        .values(
            status=SubscriptionStatus.CANCELED,
            ended_at=clock.frozen_time,
            paused_at=None,
            pause_behavior=None,
            next_action_at=None,
            cancel_reason="the test clock was deleted",
            updated_at=clock.frozen_time,
        ),
        execution_options={"synchronize_session": False},
    )
    record_clock_fact(session, clock, fact="test_clock.deleted", before=before, actor=actor, now=now)
    return clock
