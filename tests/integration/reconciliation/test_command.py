"""`billing reconcile`: the comparison by hand, what it prints, and how it exits."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from cli.reconcile import app
from tests.integration.reconciliation.stories import begin, differences
from tests.service.commands import Run, command
from tests.service.world import World


@pytest.fixture
def billing(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    with command(app, world=world, monkeypatch=monkeypatch, data_dir=tmp_path) as run:
        yield run


def test_where_nothing_differs_it_exits_with_0(world: World, billing: Run) -> None:
    world.pay(world.customer())

    result = billing("--lag-minutes", "0", "--json")

    assert result.exit_code == ExitCode.DONE, result.output
    assert json.loads(result.stdout)["differences"] == []


def test_a_difference_that_stays_open_is_shown_and_exits_with_1(world: World, billing: Run) -> None:
    world.pay(world.customer())
    with world.session() as session:
        session.connection().exec_driver_sql(
            "UPDATE payments SET amount_minor = 3000, created_at = created_at - interval '1 minute'"
        )

    result = billing("--lag-minutes", "0")

    assert result.exit_code == ExitCode.FAILED, result.output
    assert "amount_differs" in result.stdout
    assert "succeeded 3000 USD" in result.stdout
    assert "1 of them open" in result.stderr
    (listed,) = json.loads(billing("list", "--json").stdout)
    assert listed["kind"] == "amount_differs"


def test_it_is_mended_or_dismissed_by_its_id(world: World, billing: Run) -> None:
    for _ in range(2):
        world.pay(world.customer())
    with world.session() as session:
        session.connection().exec_driver_sql(
            "UPDATE payments SET amount_minor = 3000, created_at = created_at - interval '1 minute'"
        )
    billing("--lag-minutes", "0")
    first, second = (each["id"] for each in differences(world))
    with world.session() as session:
        session.connection().exec_driver_sql("UPDATE payments SET amount_minor = 2900")

    mended = billing("mend", first)
    dismissed = billing("dismiss", second, "--reason", "agreed by telephone", "--json")

    assert (mended.exit_code, dismissed.exit_code) == (ExitCode.DONE, ExitCode.DONE)
    assert "both sides say the same now" in mended.stderr
    assert json.loads(dismissed.stdout)["state"] == "dismissed"
    assert billing("list").stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("mend", "diff_01h455vb4pex5vsknk084sn02q"),
        ("dismiss", "diff_01h455vb4pex5vsknk084sn02q", "--reason", "x"),
        ("dismiss", "diff_01h455vb4pex5vsknk084sn02q", "--reason", " "),
        ("--since", "2999-01-01"),
    ],
)
def test_what_cannot_be_done_is_said(billing: Run, arguments: tuple[str, ...]) -> None:
    failure = billing(*arguments).exception

    assert isinstance(failure, CommandFailure)
    assert failure.exit_code is ExitCode.FAILED


def test_while_a_run_is_under_way_no_other_begins(world: World, billing: Run) -> None:
    begin(world)

    failure = billing().exception

    assert isinstance(failure, CommandFailure)
    assert "is under way" in failure.problem
