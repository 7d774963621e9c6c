"""Use cases around the advance of a test clock: ask for it, and stop where it cannot go on."""

from datetime import datetime

from sqlalchemy.orm import Session

from billing import operations
from billing.actor import Actor
from billing.errors import Conflict
from billing.test_clocks.facts import record_clock_fact
from billing.test_clocks.find import find_clock, lock_clock
from billing.test_clocks.mode import require_test_mode
from billing.test_clocks.moments import clock_time, require_advance
from billing.test_clocks.representation import PREFIX, clock_representation, progress_representation
from models.ids import public_id, row_id
from models.operation import Operation
from models.test_clock import ClockStatus, TestClock

OPERATION_KIND = "test_clocks.advance"
RESOURCE_TYPE = "test_clock"


class ClockAdvancing(Conflict):
    """The clock advances already; wait for it, then ask again."""

    code = "test_clock_advancing"


def request_advance(
    session: Session, *, public: str, frozen_time: datetime, livemode: bool, actor: Actor, now: datetime
) -> tuple[TestClock, Operation]:
    """Let the clock begin its way to `frozen_time`, and add the operation that goes it.

    Raises ClocksOnlyInTestMode, ClockNotFound, ClockAdvancing, ClockTimeOutOfRange, ClockNotForward, ClockTooFar.
    """
    require_test_mode(livemode=livemode)
    clock = find_clock(session, public=public, lock=True)
    if clock.status is ClockStatus.ADVANCING:
        raise ClockAdvancing(f"{public} advances already; wait until it is ready")
    target = clock_time(frozen_time)
    require_advance(frozen_time=clock.frozen_time, target=target)
    before = clock_representation(clock)
    clock.status, clock.advanced_from, clock.target_time = ClockStatus.ADVANCING, clock.frozen_time, target
    operation = operations.enqueue(
        session,
        kind=OPERATION_KIND,
        customer_id=None,
        resource_type=RESOURCE_TYPE,
        resource_id=public_id(PREFIX, clock.id),
        params={},
        actor=actor,
        now=now,
    )
    operation.progress = progress_representation(begun=clock.frozen_time, target=target, at=clock.frozen_time)
    record_clock_fact(session, clock, fact="test_clock.advancing", before=before, actor=actor, now=now)
    return clock, operation


def stop_advance(session: Session, *, operation: Operation, actor: Actor, now: datetime) -> None:
    """Let the clock stand where its failed advance has brought it: it is ready again, for another one."""
    clock = lock_clock(session, row_id(PREFIX, operation.resource_id))
    if clock.status is ClockStatus.ADVANCING:
        before = clock_representation(clock)
        make_ready(clock)
        record_clock_fact(session, clock, fact="test_clock.stopped", before=before, actor=actor, now=now)


def make_ready(clock: TestClock) -> None:
    """End the clock's way where it is."""
    clock.status, clock.advanced_from, clock.target_time = ClockStatus.READY, None, None
