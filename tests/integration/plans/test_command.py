"""`billing plans`: what it prints for people and for programs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import Result

from cli.failures import CommandFailure
from cli.plans import app
from tests.integration.plans.conftest import Change
from tests.service.commands import Run, command
from tests.service.world import World


@pytest.fixture
def billing(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    with command(app, world=world, monkeypatch=monkeypatch, data_dir=tmp_path) as run:
        yield run


def lines(result: Result) -> dict[str, str]:
    """Return what was printed, by the first word of each line, with single spaces."""
    assert result.exit_code == 0, result.output
    return {words[0]: " ".join(words[1:]) for line in result.stdout.splitlines() if (words := line.split())}


def test_the_list_has_a_line_for_each_plan(billing: Run) -> None:
    shown = lines(billing("list"))

    assert shown["free"] == "Free 1 0.00 USD a month, 0.00 USD a year 100 none yes"
    assert shown["pro"] == "Pro 1 29.00 USD a month, 290.00 USD a year 1,000 14 days yes"
    assert shown["enterprise"] == "Enterprise 1 agreed on with each customer unlimited none yes"
    assert list(shown) == ["code", "free", "pro", "team", "enterprise"]


def test_a_plan_that_is_not_offered_any_more_is_listed_as_such(billing: Run, change_catalog: Change) -> None:
    change_catalog("UPDATE plans SET active = false WHERE code = 'team'")

    assert lines(billing("list"))["team"].endswith("no")


def test_one_plan_is_shown_with_its_features(billing: Run) -> None:
    shown = lines(billing("show", "pro"))

    assert shown["ai_requests"] == "100 a month"
    assert shown["projects"] == "10 at once"
    assert shown["storage"] == "10,000,000,000 bytes"
    assert shown["support"] == "email"
    assert lines(billing("show", "enterprise"))["storage"] == "unlimited"


def test_programs_get_what_the_api_answers(world: World, billing: Run) -> None:
    assert json.loads(billing("list", "--json").stdout) == world.call("GET", "/plans").json["data"]
    assert json.loads(billing("show", "team", "--json").stdout) == world.call("GET", "/plans/team").json


def test_money_has_as_many_decimals_as_its_currency(billing: Run, change_catalog: Change) -> None:
    change_catalog("UPDATE prices SET currency = 'JPY' WHERE interval = 'month'")

    assert "2900 JPY a month" in lines(billing("list"))["pro"]


def test_a_plan_that_is_not_there_is_said(billing: Run) -> None:
    failure = billing("show", "gold").exception

    assert isinstance(failure, CommandFailure)
    assert "there is no plan 'gold'" in str(failure)
