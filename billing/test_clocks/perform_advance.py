"""Process: take a test clock to its target, from one moment at which something is due to the next. Between any two lines the
process may die.

1. Every source of due work says when something is due next. The clock is set to the earliest, and that is committed.
2. Every source does what is due then. What asks the gateway is an operation of its own, and the clock waits for it.
3. When nothing is due up to the target any more, the clock is set to that, and is ready.

Whoever goes on after a death finds the clock at its last moment. What was done there is not due any more; what was not done is.
Only who holds the operation's lease moves the clock, and the row never goes back.
"""

import time
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from billing import leases
from billing.actor import Actor
from billing.credits.drain import drain_to_the_end
from billing.credits.shards import Shard
from billing.errors import Conflict, InvariantBroken
from billing.fail_points import fail_point
from billing.operation_outcome import NextStep, OperationOutcome, Settlement
from billing.runtime import Runtime
from billing.test_clocks.advance import make_ready
from billing.test_clocks.facts import record_clock_fact
from billing.test_clocks.find import customers_of, has_unfinished_work, lock_clock
from billing.test_clocks.moments import next_moment
from billing.test_clocks.representation import PREFIX, clock_representation, progress_representation
from billing.test_clocks.sources import SOURCES
from models.ids import row_id
from models.operation import Operation
from models.test_clock import TestClock

# One pass is well within a lease, and lets others have the thread; then the operation comes back for the next.
MOMENTS_MAX = 100
PASS_SECONDS = 5.0
# How long until a look whether the operations that the clock waits for are finished.
WAIT = timedelta(milliseconds=200)
# A source that says so often that something is due, and does nothing, will go on saying so.
IDLE_MAX = 3
AT_ONCE = timedelta(0)


class ClockDeleted(Conflict):
    """The clock was deleted while it advanced."""

    code = "test_clock_deleted"


class ClockStandsStill(InvariantBroken):
    """Something is due that nobody does, so that the clock would never move on."""

    code = "test_clock_stands_still"


class OnItsWay:
    """The clock has not arrived: it goes on after the pause."""

    def __init__(self, *, pause: timedelta) -> None:
        self._pause = pause

    def refresh(self, runtime: Runtime) -> None:
        """Nothing: no gateway was asked."""

    def apply(self, session: Session, *, actor: Actor, now: datetime) -> NextStep | None:  # noqa: ARG002 - a Settlement's
        """Say that there is another step."""
        return NextStep(self._pause) if self._pause else None


class Arrived:
    """Nothing is due any more up to the target."""

    def __init__(self, *, operation_id: UUID, clock_id: UUID) -> None:
        self._operation_id = operation_id
        self._clock_id = clock_id

    def refresh(self, runtime: Runtime) -> None:
        """Nothing: no gateway was asked."""

    def apply(self, session: Session, *, actor: Actor, now: datetime) -> OperationOutcome:
        """Set the clock to its target; it is ready."""
        clock = lock_clock(session, self._clock_id)
        begun, target = _way(clock)
        before = clock_representation(clock)
        clock.frozen_time = target
        make_ready(clock)
        operation = session.get_one(Operation, self._operation_id)
        operation.progress = progress_representation(begun=begun, target=target, at=target)
        record_clock_fact(session, clock, fact="test_clock.ready", before=before, actor=actor, now=now)
        return OperationOutcome.succeeded(200, clock_representation(clock))


def perform_advance(runtime: Runtime, *, operation: Operation, now: datetime) -> Settlement:
    """Go some moments of the way. Raises ClockDeleted, ClockStandsStill, and what the sources raise."""
    clock_id = row_id(PREFIX, operation.resource_id)
    with runtime.transaction() as session:
        shards = list({Shard.of(customer) for customer in customers_of(session, clock_id=clock_id)})
    deadline = time.monotonic() + PASS_SECONDS
    idle, last = 0, None
    for _ in range(MOMENTS_MAX):
        with runtime.transaction() as session:
            waits = has_unfinished_work(session, clock_id=clock_id)
        if waits:
            return OnItsWay(pause=WAIT)
        # Postgres is asked what is due of the credits, too, and what they answered may stand in their journals only.
        drain_to_the_end(runtime, now=lambda: now, shards=shards)
        moment = _move(runtime, operation, clock_id)
        if moment is None:
            return Arrived(operation_id=operation.id, clock_id=clock_id)
        fail_point("clock.moment_committed")
        done = sum(source.run_due(runtime, clock_id=clock_id, at=moment, now=now) for source in SOURCES)
        fail_point("clock.moment_done")
        idle = idle + 1 if not done and moment == last else 0
        if idle >= IDLE_MAX:
            raise ClockStandsStill(f"something is due at {moment.isoformat()} that nobody does")
        last = moment
        if time.monotonic() > deadline:
            break
    return OnItsWay(pause=AT_ONCE)


def _move(runtime: Runtime, operation: Operation, clock_id: UUID) -> datetime | None:
    """Set the clock to the next moment, which is committed; None when there is none up to its target.

    Raises LeaseLost, ClockDeleted.
    """
    with runtime.transaction() as session:
        held = leases.hold(session, operation)
        clock = lock_clock(session, clock_id)
        begun, target = _way(clock)
        due = [source.next_due(session, clock_id=clock_id) for source in SOURCES]
        moment = next_moment(frozen_time=clock.frozen_time, target=target, due=due)
        if moment is None:
            return None
        if moment > clock.frozen_time:  # what failed or was away before is behind it
            held.failures = held.postponements = 0
        clock.frozen_time = moment
        held.progress = progress_representation(begun=begun, target=target, at=moment)
        held.next_attempt_at = func.now() + timedelta(seconds=runtime.settings.WORK_LEASE_SECONDS)
    return moment


def _way(clock: TestClock) -> tuple[datetime, datetime]:
    """Return from where to where the clock goes. Raises ClockDeleted when it goes nowhere any more."""
    if clock.advanced_from is None or clock.target_time is None:
        raise ClockDeleted("the test clock was deleted while it advanced")
    return clock.advanced_from, clock.target_time
