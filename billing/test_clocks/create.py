"""Use case: add a test clock."""

from datetime import datetime

from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.test_clocks.facts import record_clock_fact
from billing.test_clocks.mode import require_test_mode
from billing.test_clocks.moments import clock_time
from models.test_clock import ClockStatus, TestClock


def create_clock(
    session: Session, *, frozen_time: datetime, name: str | None, livemode: bool, actor: Actor, now: datetime
) -> TestClock:
    """Add a clock that stands at `frozen_time`. Raises ClocksOnlyInTestMode, ClockTimeOutOfRange."""
    require_test_mode(livemode=livemode)
    clock = TestClock(name=name, status=ClockStatus.READY, frozen_time=clock_time(frozen_time), created_at=now)
    session.add(clock)
    record_clock_fact(session, clock, fact="test_clock.created", before=None, actor=actor, now=now)
    return clock
