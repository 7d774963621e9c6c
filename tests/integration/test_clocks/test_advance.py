"""How a clock advances: in the order of what is due, once, past deaths and failures, and without moving anybody else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from billing.clock import utc_now
from billing.credits.expire import expire_due
from billing.operation_runner import run_due_operations
from billing.outbox_relay import relay_batch
from billing.runtime import Runtime
from billing.test_clocks import credit_ends, perform_advance
from models.ids import row_id
from models.operation import Operation
from tests.concurrency.crowd import at_once, workers
from tests.service.world import World

START = "2030-01-01T00:00:00Z"
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def credits_are_open(world: World) -> None:
    world.open_credits()


def at(day: int) -> datetime:
    return datetime(2030, 1, 1, tzinfo=UTC) + (day - 1) * DAY


def grants(world: World, customer: str, *days: int, amount: int = 10) -> None:
    """Grant credits that end on days of January 2030."""
    for day in days:
        wish = {"customer_id": customer, "amount": amount, "expires_at": at(day).isoformat()}
        assert world.call("POST", "/credits/grants", wish).status_code == 201


def ended(world: World) -> list[tuple[UUID, datetime]]:
    """Return whose grants ended when, in the order in which that was written down."""
    query = "SELECT customer_id, created_at FROM credit_transactions WHERE type = 'grant_expired' ORDER BY id"
    return [(row["customer_id"], row["created_at"]) for row in world.rows(query)]


def frozen(world: World) -> datetime:
    (row,) = world.rows("SELECT frozen_time FROM test_clocks")
    found: datetime = row["frozen_time"]
    return found


class Toy:
    """A source of due work whose work is a list of moments; it notes what time it was when it did something."""

    def __init__(self, *due: datetime) -> None:
        self.due = list(due)
        self.seen: list[datetime] = []
        self.does: Callable[[datetime], None] = lambda _: None

    def next_due(self, session: Session, *, clock_id: UUID) -> datetime | None:
        return min(self.due, default=None)

    def run_due(self, runtime: Runtime, *, clock_id: UUID, at: datetime, now: datetime) -> int:
        ready = [moment for moment in self.due if moment <= at]
        if ready:
            self.seen.append(at)
            self.does(at)
        self.due = [moment for moment in self.due if moment > at]
        return len(ready)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A second source, behind the credits."""
    made = Toy()
    monkeypatch.setattr(perform_advance, "SOURCES", (credit_ends, made))
    return made


def test_what_ends_on_the_way_ends_at_its_time_and_in_order(world: World) -> None:
    clock = world.clock(START)
    first, second = (world.customer(test_clock=clock) for _ in "12")
    grants(world, first, 20, 5)
    grants(world, second, 10, 40)

    world.advance(clock, at(31).isoformat())

    one, two = row_id("cus", first), row_id("cus", second)
    assert ended(world) == [(one, at(5)), (two, at(10)), (one, at(20))]
    assert (world.balance(first), world.balance(second)) == (0, 10)


def test_what_is_due_at_the_target_itself_is_done(world: World) -> None:
    clock = world.clock(START)
    customer = world.customer(test_clock=clock)
    grants(world, customer, 31)

    world.advance(clock, at(31).isoformat())

    assert [when for _, when in ended(world)] == [at(31)]
    assert frozen(world) == at(31)


def test_others_stand_still(world: World) -> None:
    """Those on no clock, and those on another one with the same dates."""
    clock, other = world.clock(START), world.clock(START)
    moved, standing, real = world.customer(test_clock=clock), world.customer(test_clock=other), world.customer()
    for customer in (moved, standing, real):
        grants(world, customer, 5)
        world.call("GET", f"/credits/history?customer_id={customer}")  # drains: Postgres knows of all of them

    world.advance(clock, at(31).isoformat())
    assert expire_due(world.runtime, now=utc_now) == 0

    assert [world.balance(customer) for customer in (moved, standing, real)] == [0, 10, 10]
    assert world.call("GET", f"/test-clocks/{other}").json["frozen_time"] == "2030-01-01T00:00:00.000Z"


def test_sources_run_in_the_order_of_what_is_due_of_all_of_them(world: World, toy: Toy) -> None:
    clock = world.clock(START)
    customer = world.customer(test_clock=clock)
    grants(world, customer, 10, 20)
    toy.due = [at(20), at(15), at(2), at(40)]
    balances = dict[int, int]()
    toy.does = lambda now: balances.update({now.day: world.balance(customer)})

    world.advance(clock, at(31).isoformat())

    # What ends at the same moment has ended before anybody else begins something.
    assert toy.seen == [at(2), at(15), at(20)]
    assert balances == {2: 20, 15: 10, 20: 0}
    assert toy.due == [at(40)]


def test_what_was_due_before_the_clock_was_there_is_done_at_once(world: World, toy: Toy) -> None:
    toy.due = [at(1) - DAY]
    clock = world.clock(START)

    world.advance(clock, at(2).isoformat())

    assert toy.seen == [at(1)]


def test_work_that_brings_more_work_is_done_as_well(world: World, toy: Toy) -> None:
    toy.due = [at(2)]
    toy.does = lambda now: toy.due.append(now + 10 * DAY)
    clock = world.clock(START)

    world.advance(clock, at(31).isoformat())

    assert toy.seen == [at(2), at(12), at(22)]
    assert toy.due == [at(32)]


def test_the_clock_waits_for_operations_of_its_customers(world: World, toy: Toy) -> None:
    clock = world.clock(START)
    customer = world.customer(test_clock=clock)
    toy.due = [at(10), at(20)]

    def pay(_: datetime) -> None:
        # Due tomorrow from the start: whoever performs the advance looks for other work meanwhile.
        with new_operations_due(world, "now() + interval '1 day'"):
            world.accept_payment(customer)

    toy.does = pay
    accepted = world.call("POST", f"/test-clocks/{clock}/advance", {"frozen_time": at(31).isoformat()}).json
    world.work()
    for _ in range(3):
        world.make_due(Operation)
        put_off(world)
        world.work()
    assert (toy.seen, frozen(world)) == ([at(10)], at(10))
    assert world.operation(accepted)["progress"]["at"] == "2030-01-10T00:00:00.000Z"

    def arrived() -> bool:
        world.make_due(Operation)
        world.work()
        return world.operation(accepted)["finished_at"] is not None

    world.until(arrived, what="the target")
    assert toy.seen == [at(10), at(20)]
    assert world.rows("SELECT status FROM payments") == [{"status": "succeeded"}] * 2


@contextmanager
def new_operations_due(world: World, when: str) -> Iterator[None]:
    """Let operations that are added be due at another time than now."""
    due = "ALTER TABLE operations ALTER next_attempt_at SET DEFAULT "
    with world.session() as session:
        session.execute(text(due + when))
    try:
        yield
    finally:
        with world.session() as session:
            session.execute(text(due + "now()"))


def put_off(world: World) -> None:
    """Let what is asked of the gateway be due tomorrow."""
    with world.session() as session:
        session.execute(
            text(
                "UPDATE operations SET next_attempt_at = now() + interval '1 day' "
                "WHERE customer_id IS NOT NULL AND finished_at IS NULL"
            )
        )


def test_a_clock_does_not_wait_for_the_operations_of_others(world: World) -> None:
    clock = world.clock(START)
    world.accept_payment(world.customer())
    with world.session() as session:
        session.execute(text("UPDATE operations SET next_attempt_at = now() + interval '1 day'"))

    assert world.advance(clock, at(2).isoformat())["status"] == "succeeded"


@pytest.mark.parametrize("point", ["clock.moment_committed", "clock.moment_done", "operation.alone_before_commit"])
def test_a_death_on_the_way_leaves_a_clock_that_goes_on(
    world: World, fails_at: Callable[[str], None], toy: Toy, point: str
) -> None:
    clock = world.clock(START)
    customer = world.customer(test_clock=clock)
    grants(world, customer, 5, 10)
    toy.due = [at(5), at(7)]
    world.work()
    accepted = world.call("POST", f"/test-clocks/{clock}/advance", {"frozen_time": at(31).isoformat()}).json
    fails_at(point)
    world.work()
    assert world.call("GET", f"/test-clocks/{clock}").json["status"] == "advancing"
    assert world.call("POST", f"/test-clocks/{clock}/advance", {"frozen_time": at(31).isoformat()}).status_code == 409

    world.make_due(Operation)
    world.work()

    assert world.operation(accepted)["status"] == "succeeded"
    assert [when for _, when in ended(world)] == [at(5), at(10)]
    assert toy.seen == [at(5), at(7)]
    assert frozen(world) == at(31)


def test_a_worker_that_was_too_slow_moves_nothing_any_more(world: World, toy: Toy) -> None:
    """Its lease was over in the middle of its work, and another one has gone on from there."""
    clock = world.clock(START)
    toy.due = [at(5), at(7), at(9)]
    accepted = world.call("POST", f"/test-clocks/{clock}/advance", {"frozen_time": at(31).isoformat()}).json
    second = workers(world, 1)[0]

    def stop(now: datetime) -> None:
        assert now == at(7)
        raise ValueError("the second worker comes no further than this")

    def be_slow(_: datetime) -> None:
        toy.does, toy.due = stop, [at(7), at(9)]
        world.make_due(Operation)
        run_due_operations(second, now=utc_now)
        toy.does = lambda _: None

    toy.does = be_slow
    world.work()

    assert (frozen(world), toy.due) == (at(7), [at(7), at(9)])
    assert world.operation(accepted)["status"] == "queued"
    world.make_due(Operation)
    world.work()
    assert (frozen(world), toy.seen) == (at(31), [at(5), at(7), at(7), at(9)])


def test_many_workers_take_a_clock_there_once(world: World) -> None:
    clock = world.clock(START)
    customer = world.customer(test_clock=clock)
    grants(world, customer, *range(2, 22))
    accepted = world.call("POST", f"/test-clocks/{clock}/advance", {"frozen_time": at(31).isoformat()}).json
    relay_batch(world.runtime, now=utc_now)  # the gateway hears of the customer: the clock waits for that
    crowd = workers(world, 4)

    at_once(4, lambda number: run_due_operations(crowd[number], now=utc_now))

    world.until(lambda: world.operation(accepted)["status"] == "succeeded", what="the target")
    assert [when for _, when in ended(world)] == [at(day) for day in range(2, 22)]


def test_a_source_that_fails_again_and_again_stops_the_clock_where_it_is(world: World, toy: Toy) -> None:
    clock = world.clock(START)
    toy.due = [at(5), at(7)]
    fault = SimpleNamespace(is_there=True)

    def fail(now: datetime) -> None:
        if now == at(7) and fault.is_there:
            raise ValueError("a fault of ours")

    toy.does = fail
    accepted = world.call("POST", f"/test-clocks/{clock}/advance", {"frozen_time": at(31).isoformat()}).json
    for _ in range(4):
        world.make_due(Operation)
        world.work()

    operation = world.operation(accepted)
    assert (operation["status"], operation["error"]["code"]) == ("failed", "operation_gave_up")
    shown = world.call("GET", f"/test-clocks/{clock}").json
    assert (shown["status"], shown["frozen_time"], shown["progress"]) == ("ready", "2030-01-07T00:00:00.000Z", None)
    told = world.rows("SELECT type FROM outbox_events ORDER BY id")
    assert told[-1] == {"type": "test_clock.stopped"}

    fault.is_there = False
    assert world.advance(clock, at(31).isoformat())["status"] == "succeeded"
    assert toy.seen[-1] == at(7)


def test_failures_that_are_behind_the_clock_do_not_count(world: World, toy: Toy) -> None:
    """Two at each of three moments are six, of which three in a row would have been too many."""
    clock = world.clock(START)
    toy.due = [at(5), at(6), at(7)]
    failed: dict[datetime, int] = {}

    def fail(now: datetime) -> None:
        failed[now] = failed.get(now, 0) + 1
        if failed[now] <= 2:
            raise ValueError("a fault that passes")

    toy.does = fail
    accepted = world.call("POST", f"/test-clocks/{clock}/advance", {"frozen_time": at(31).isoformat()}).json
    for _ in range(8):
        world.make_due(Operation)
        world.work()

    assert world.operation(accepted)["status"] == "succeeded"


def test_work_that_nobody_does_stops_the_clock(world: World, toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.due = [at(5)]
    monkeypatch.setattr(toy, "run_due", lambda *_, **__: 0)
    operation = world.advance(world.clock(START), at(31).isoformat())

    assert (operation["status"], operation["error"]["code"]) == ("failed", "test_clock_stands_still")
    assert frozen(world) == at(5)


def test_a_credits_server_that_lost_its_memory_postpones_the_advance(world: World) -> None:
    clock = world.clock(START)
    customer = world.customer(test_clock=clock)
    grants(world, customer, 5)
    world.call("GET", f"/credits/history?customer_id={customer}")  # drains
    accepted = world.call("POST", f"/test-clocks/{clock}/advance", {"frozen_time": at(31).isoformat()}).json
    world.runtime.credits.redis.flushall()
    world.work()
    assert world.operation(accepted)["status"] == "queued"

    world.open_credits()
    world.make_due(Operation)
    world.work()

    assert world.operation(accepted)["status"] == "succeeded"
    assert [when for _, when in ended(world)] == [at(5)]


def test_an_account_that_the_server_does_not_have_is_opened_to_end_what_is_due(world: World) -> None:
    clock = world.clock(START)
    customer = world.customer(test_clock=clock)
    grants(world, customer, 5)
    world.call("GET", f"/credits/history?customer_id={customer}")  # drains
    for key in world.runtime.credits.redis.keys("credits:*:account:clock:*"):
        world.runtime.credits.redis.delete(key)

    assert world.advance(clock, at(31).isoformat())["status"] == "succeeded"
    assert world.balance(customer) == 0


def test_more_moments_than_one_pass_has_are_several_passes(world: World, toy: Toy) -> None:
    count = perform_advance.MOMENTS_MAX * 2 + 5
    toy.due = [at(1) + timedelta(minutes=minute) for minute in range(1, count + 1)]

    operation: dict[str, Any] = world.advance(world.clock(START), at(31).isoformat())

    assert operation["status"] == "succeeded"
    assert len(toy.seen) == count
