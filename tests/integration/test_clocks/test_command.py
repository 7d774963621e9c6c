"""`billing clock`: what it prints for people and for programs."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import Result

import cli.clock
from billing.errors import InvariantBroken
from billing.test_clocks import perform_advance
from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from tests.service.commands import Run, command
from tests.service.world import World

AT = "2026-01-31T00:00:00.000Z"


@pytest.fixture
def billing(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    world.open_credits()
    monkeypatch.setattr(cli.clock, "POLL_SECONDS", 0.02)
    with command(cli.clock.app, world=world, monkeypatch=monkeypatch, data_dir=tmp_path) as run:
        yield run


@contextmanager
def a_worker(world: World) -> Iterator[None]:
    """Do what the workers do, meanwhile."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.05):
            world.work()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def failure_of(result: Result) -> CommandFailure:
    assert isinstance(result.exception, CommandFailure), result.output
    return result.exception


def test_a_clock_is_made_listed_and_shown(world: World, billing: Run) -> None:
    made = billing("create", "--at", "2026-01-31", "--name", "january")
    assert made.exit_code == 0, made.output
    clock = made.stdout.strip()
    world.customer(test_clock=clock)

    assert f"{clock} january {AT} ready" in " ".join(billing("list").stdout.split())
    shown = " ".join(billing("show", clock).stdout.split())
    assert f"time there {AT} status ready customers 1" in shown
    as_data = json.loads(billing("show", clock, "--json").stdout)
    assert as_data == {**world.call("GET", f"/test-clocks/{clock}").json, "customers": 1}
    assert json.loads(billing("list", "--json").stdout) == world.call("GET", "/test-clocks").json["data"]


def test_a_clock_without_a_time_stands_at_the_real_one(world: World, billing: Run) -> None:
    made = json.loads(billing("create", "--json").stdout)

    (row,) = world.rows("SELECT abs(extract(epoch FROM created_at - frozen_time)) AS apart FROM test_clocks")
    assert row["apart"] < 0.001
    assert made["status"] == "ready"


def test_an_advance_tells_its_stops_line_by_line(world: World, billing: Run) -> None:
    clock = world.clock(AT)
    customer = world.customer(test_clock=clock)
    wish = {"customer_id": customer, "amount": 10, "expires_at": "2026-02-10T00:00:00Z"}
    assert world.call("POST", "/credits/grants", wish).status_code == 201

    with a_worker(world):
        moved = billing("advance", clock, "+1m")

    assert moved.exit_code == 0, moved.output
    assert moved.stdout == ""
    lines = moved.stderr.splitlines()
    assert lines[0] == f"… {AT}"
    assert lines[-2:] == ["… 2026-02-28T00:00:00.000Z", "✓ it is 2026-02-28T00:00:00.000Z there"]
    assert world.balance(customer) == 0


def test_programs_get_the_clock_as_it_is_then(world: World, billing: Run) -> None:
    clock = world.clock(AT)

    with a_worker(world):
        moved = billing("advance", clock, "2026-03-01", "--json")

    assert json.loads(moved.stdout) == world.call("GET", f"/test-clocks/{clock}").json


def test_without_workers_the_command_says_so_and_the_clock_goes_on_later(
    world: World, billing: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli.clock, "IDLE_SECONDS_MAX", 0.1)
    clock = world.clock(AT)

    failure = failure_of(billing("advance", clock, "+30d"))
    assert failure.exit_code is ExitCode.OUTSIDE_SERVICE
    assert "nobody moves it" in str(failure)

    world.work()
    assert world.call("GET", f"/test-clocks/{clock}").json["frozen_time"] == "2026-03-02T00:00:00.000Z"


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("2026-01-01", "goes forward only"),
        ("+3y", "731 days at most"),
        ("soon", "is no time"),
    ],
)
def test_what_a_clock_refuses_is_said(world: World, billing: Run, to: str, said: str) -> None:
    assert said in str(failure_of(billing("advance", world.clock(AT), to)))


def test_a_clock_that_is_not_there_is_said(billing: Run) -> None:
    for arguments in (("show", "clock_x"), ("advance", "clock_x", "+1d"), ("delete", "clock_x", "--yes")):
        assert "there is no test clock 'clock_x'" in str(failure_of(billing(*arguments)))


def test_a_clock_that_advances_already_is_said(world: World, billing: Run) -> None:
    clock = world.clock(AT)
    world.call("POST", f"/test-clocks/{clock}/advance", {"frozen_time": "2026-03-01T00:00:00Z"})

    assert "advances already" in str(failure_of(billing("advance", clock, "+1d")))


def test_an_advance_that_fails_says_where_the_clock_stands(
    world: World, billing: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def left_for_a_person(*_: object, **__: object) -> int:
        raise InvariantBroken("an account is parked")

    due = datetime(2026, 2, 10, tzinfo=UTC)
    source = SimpleNamespace(next_due=lambda *_, **__: due, run_due=left_for_a_person)
    monkeypatch.setattr(perform_advance, "SOURCES", (source,))

    with a_worker(world):
        failure = failure_of(billing("advance", world.clock(AT), "+1m"))

    assert "stopped at 2026-02-10T00:00:00.000Z: an account is parked" in str(failure)
    assert failure.exit_code is ExitCode.FAILED


def test_a_deleted_clock_hides_its_customers(world: World, billing: Run) -> None:
    clock = world.clock(AT)
    customer = world.customer(test_clock=clock)

    deleted = billing("delete", clock, "--yes", "--json")

    assert json.loads(deleted.stdout)["customers"] == 1
    assert world.call("GET", f"/customers/{customer}").status_code == 404


def test_nothing_is_deleted_unasked(world: World, billing: Run) -> None:
    clock = world.clock(AT)

    assert billing("delete", clock).exit_code == 1
    assert world.call("GET", f"/test-clocks/{clock}").status_code == 200


def test_in_live_mode_there_are_none(billing: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_live_0123456789")
    monkeypatch.setenv("STRIPE_PUBLISHABLE_KEY", "pk_live_0123456789")

    for arguments in (("create",), ("list",), ("show", "clock_x"), ("delete", "clock_x", "--yes")):
        assert "no test clocks in live mode" in str(failure_of(billing(*arguments)))
