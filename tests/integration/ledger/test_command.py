"""`billing ledger`: what verify proves and what it finds, and what backfill posts."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from billing.ledger.checks import CHECKS
from billing.ledger.roll_up import roll_up
from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from tests.integration.ledger.stories import balances, said
from tests.integration.reconciliation.stories import reconcile
from tests.service.commands import Run
from tests.service.world import World


@pytest.fixture
def used(world: World) -> World:
    """Payments, a refund, a dispute that was won and one that was not, fees, and a roll-up in the middle."""
    customer = world.customer()
    payment = world.pay(customer)
    world.call("POST", "/payments/refund", {"payment_id": payment["id"], "amount": 900})
    world.work()
    with world.session() as session:
        roll_up(session)
    dispute = world.dispute(world.pay(customer, currency="EUR"))
    world.decide(dispute, outcome="won")
    world.deliver(*world.events_about(dispute["gateway_id"]))
    world.work()
    world.dispute(world.pay(customer))
    reconcile(world)
    return world


def tamper(world: World, statement: str) -> None:
    """Change rows as somebody would who is the database's owner: with its guards switched off."""
    with world.session() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text(statement))


def forget(world: World) -> None:
    """Empty the ledger, as before there was one."""
    tamper(world, "TRUNCATE ledger_postings, ledger_entries, ledger_totals")


def test_a_whole_ledger_is_said_to_be_whole_and_its_clearing_is_explained(used: World, billing: Run) -> None:
    result = billing("verify", "--json")

    assert result.exit_code == ExitCode.DONE, result.output
    report = json.loads(result.stdout)
    assert (report["whole"], len(report["checks"])) == (True, len(CHECKS))
    explained: dict[str, int] = {}
    for line in report["gateway_clearing"]:
        asset = f"gateway_clearing {line['asset']}"
        explained[asset] = explained.get(asset, 0) + line["amount"]
    assert explained == {name: each for name, each in balances(used).items() if name.startswith("gateway_clearing")}

    told = billing("verify")
    assert told.exit_code == ExitCode.DONE
    assert "payment_captured 5800, refund_paid -900" in told.stdout


BREAKERS = {
    "entries_balance": "DELETE FROM ledger_postings WHERE account = 'refunds'",
    "trial_balance": "UPDATE ledger_postings SET amount = amount + 1 WHERE account = 'disputes'",
    "totals_add_up": "UPDATE ledger_totals SET debit = debit + 1, credit = credit + 1",
    "payments_are_posted": "UPDATE payments SET amount_captured_minor = 2800, amount_disputed_minor = 0,"
    " amount_refunded_minor = 0",
    "refunds_are_posted": "UPDATE refunds SET status = 'failed'",
    "disputes_are_posted": "UPDATE disputes SET status = 'won', closed_at = now()",
    "clearing_is_explained": "UPDATE ledger_entries SET key = 'payment-captured-' || gen_random_uuid() || '-1'"
    " WHERE kind = 'refund_paid'; UPDATE ledger_entries SET kind = 'payment_captured' WHERE kind = 'refund_paid'",
}


@pytest.mark.parametrize("name", [check.name for check in CHECKS])
def test_each_check_bites(used: World, billing: Run, name: str) -> None:
    tamper(used, BREAKERS[name])

    result = billing("verify", "--json")

    assert isinstance(result.exception, CommandFailure)
    assert result.exception.exit_code == ExitCode.FAILED
    checks: list[dict[str, Any]] = json.loads(result.stdout)["checks"]
    assert name in {check["name"] for check in checks if check["violations"]}
    told = billing("verify")
    assert isinstance(told.exception, CommandFailure)
    assert name in told.exception.problem


def test_what_happened_before_there_was_a_ledger_is_posted_once(used: World, billing: Run) -> None:
    before = {name: each for name, each in balances(used).items() if not name.startswith("gateway_")}
    forget(used)

    first = billing("backfill", "--json")
    second = billing("backfill", "--json")

    assert first.exit_code == ExitCode.DONE, first.output
    assert json.loads(first.stdout) == {"payments": 3, "entries": 5}
    assert json.loads(second.stdout) == {"payments": 3, "entries": 0}
    after = {name: each for name, each in balances(used).items() if not name.startswith("gateway_")}
    assert after == {name: each for name, each in before.items() if each}
    reconcile(used)  # the fees come back from the gateway's own list
    assert billing("verify").exit_code == ExitCode.DONE


def test_only_what_is_missing_is_posted(used: World, billing: Run) -> None:
    """A release that did not know of the ledger wrote some facts in between: the newest entries are there, older ones not."""
    tamper(
        used,
        "DELETE FROM ledger_postings WHERE entry_id IN (SELECT id FROM ledger_entries WHERE kind = 'dispute_withdrawn')",
    )
    tamper(used, "DELETE FROM ledger_entries WHERE kind = 'dispute_withdrawn'")
    tamper(used, "TRUNCATE ledger_totals")

    result = billing("backfill", "--json")

    assert json.loads(result.stdout)["entries"] == 2
    assert billing("verify").exit_code == ExitCode.DONE
    kinds = [kind for kind, _ in said(used)]
    assert kinds.count("payment_captured") == 3


def test_a_fact_that_comes_after_a_backfill_is_posted_as_ever(world: World, billing: Run) -> None:
    payment = world.pay(world.customer())
    forget(world)
    billing("backfill")

    world.call("POST", "/payments/refund", {"payment_id": payment["id"], "amount": 900})
    world.work()

    assert [kind for kind, _ in said(world)] == ["payment_captured", "refund_paid"]
    assert billing("verify").exit_code == ExitCode.DONE
