"""Use case: write down what happened to a test clock."""

from datetime import datetime

from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.facts import record_fact
from billing.test_clocks.representation import clock_representation
from models.test_clock import TestClock


def record_clock_fact(
    session: Session, clock: TestClock, *, fact: str, before: dict[str, object] | None, actor: Actor, now: datetime
) -> None:
    """Tell of the clock as it is now. It belongs to no customer."""
    session.flush()
    after = clock_representation(clock)
    record_fact(
        session,
        fact=fact,
        object_type="test_clock",
        state=after,
        customer_id=None,
        before=before,
        after=after,
        actor=actor,
        now=now,
    )
