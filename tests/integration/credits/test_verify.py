"""`billing credits`: what verify proves and finds, on a service that goes on meanwhile, and the rebuild by hand."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from billing.credits import verify as module
from billing.credits.checks import CHECKS
from billing.credits.shards import Shard
from billing.usage.checks import CHECKS as USAGE_CHECKS
from cli.credits import app
from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from tests.integration.credits.orders import HOUR, NOW, Customer, drain
from tests.service.commands import Run, command
from tests.service.world import World


@pytest.fixture
def billing(opened: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    with command(app, world=opened, monkeypatch=monkeypatch, data_dir=tmp_path) as run:
        yield run


@pytest.fixture
def customer(opened: World) -> Customer:
    """A customer with some of everything, part of it not drained."""
    used = Customer(opened)
    used.revoke(used.grant(100, lasts=HOUR), 30)
    used.grant(50)
    used.deduct(30)
    used.hold(40)
    drain(opened)
    used.deduct(5)
    return used


def found(billing: Run) -> dict[str, Any]:
    """Return what `verify --json` prints."""
    result = billing("verify", "--json")
    said: dict[str, Any] = json.loads(result.stdout)
    if said["whole"]:
        assert result.exit_code == ExitCode.DONE, result.output
    else:
        assert isinstance(result.exception, CommandFailure)
        assert result.exception.exit_code == ExitCode.FAILED
    return said


def tamper(world: World, statement: str) -> None:
    with world.session() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text(statement))


def test_what_is_whole_is_said_to_be(billing: Run, customer: Customer) -> None:
    said = found(billing)

    assert said["whole"]
    assert said["accounts"] == 1
    assert len(said["checks"]) == len(CHECKS) + len(USAGE_CHECKS)
    assert customer.account().balance == 45
    assert "1 accounts on the server, 0 of them not as the ledger says" in billing("verify").stdout


@pytest.mark.parametrize(("name", "value"), [("balance", 46), ("held", 0), ("debt", 1), ("seq", 9)])
def test_a_server_that_says_something_else_is_found(billing: Run, customer: Customer, name: str, value: int) -> None:
    server = customer.world.runtime.credits.redis
    server.hset(Shard.of(customer.id).account(customer.id), name, str(value))

    assert [difference["customer"] for difference in found(billing)["differences"]] == [str(customer.id)]


def test_an_account_that_the_server_lost_is_found_and_rebuilt(billing: Run, customer: Customer) -> None:
    customer.world.runtime.credits.redis.delete(Shard.of(customer.id).account(customer.id))
    assert "does not have the account" in found(billing)["differences"][0]["detail"]

    assert billing("rebuild").exit_code == ExitCode.DONE

    assert found(billing)["whole"]
    assert json.loads(billing("rebuild", "--json").stdout)["accounts"] == 1


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE credit_accounts SET balance = balance + 1", {"credit_accounts_are_posted", "credit_grants_add_up"}),
        ("UPDATE credit_accounts SET held = 0", {"credit_accounts_are_posted", "credit_holds_add_up"}),
        ("UPDATE ledger_postings SET amount = amount * 2", {"credit_accounts_are_posted"}),
        ("UPDATE credit_grants SET remaining = 0", {"credit_grants_add_up"}),
        ("DELETE FROM credit_holds", {"credit_holds_add_up"}),
        ("DELETE FROM credit_transactions WHERE seq = 2", {"credit_transactions_are_all_there"}),
        ("DELETE FROM credit_usage", {"credit_usage_adds_up"}),
    ],
)
def test_each_sum_that_is_off_is_found(billing: Run, customer: Customer, statement: str, broken: set[str]) -> None:
    drain(customer.world)
    tamper(customer.world, statement)

    assert {check["name"] for check in found(billing)["checks"] if check["violations"]} == broken


def test_what_happens_meanwhile_is_no_difference(
    billing: Run, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = module._read

    def read_and_go_on(*arguments: Any) -> Any:
        seen = read(*arguments)
        if customer.id in seen:
            customer.deduct(1, at=NOW)
        return seen

    monkeypatch.setattr(module, "_read", read_and_go_on)

    assert found(billing)["whole"]
    assert customer.account().balance == 44
