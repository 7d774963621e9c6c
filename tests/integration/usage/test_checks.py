"""The checks of usage find what does not add up; `billing credits verify` runs them."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from billing.ledger.verify import verify
from billing.usage.checks import CHECKS
from cli.credits import app
from cli.exit_codes import ExitCode
from tests.integration.usage.stories import add_meter, charges, event, report
from tests.service.commands import command
from tests.service.world import World


@pytest.fixture
def used(opened: World) -> World:
    """A service on which a customer used something, all of it deducted."""
    add_meter(opened, credits_per_unit="1/1000")
    customer = opened.customer_with_credits(100)
    report(opened, [event(customer, 700), event(customer, 700), event(customer, "0.5")])
    opened.work()
    return opened


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE usage_totals SET quantity = quantity + 0.000000001", {"usage_totals_add_up"}),
        ("UPDATE usage_totals SET count = count + 1", {"usage_totals_add_up"}),
        ("UPDATE usage_totals SET day = day - 1", {"usage_totals_add_up", "usage_charges_add_up"}),
        ("DELETE FROM usage_events WHERE quantity < 1", {"usage_totals_add_up"}),
        ("UPDATE meters SET rounding = 'up'", {"usage_charges_add_up"}),
        ("UPDATE usage_charges SET credits = 2", {"usage_charges_add_up", "usage_charges_are_deducted"}),
        ("DELETE FROM usage_charges", {"usage_charges_add_up"}),
        ("DELETE FROM credit_transactions WHERE type = 'deduct'", {"usage_charges_are_deducted"}),
        (
            "UPDATE credit_transactions SET customer_id = gen_random_uuid() WHERE type = 'deduct'",
            {"usage_charges_are_deducted"},
        ),
    ],
)
def test_each_sum_that_is_off_is_found(used: World, statement: str, broken: set[str]) -> None:
    with used.session() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text(statement))
        found = {verdict.check.name for verdict in verify(session, checks=CHECKS) if verdict.violations}
        session.rollback()

    assert found == broken


def test_the_command_verifies_usage_and_lets_what_failed_be_charged_again(
    used: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with command(app, world=used, monkeypatch=monkeypatch, data_dir=tmp_path) as billing:
        verified = json.loads(billing("verify", "--json").stdout)
        assert verified["whole"]
        assert {check.name for check in CHECKS} <= {check["name"] for check in verified["checks"]}

        with used.session() as session:
            session.execute(text("UPDATE usage_charges SET status = 'failed', charged_at = NULL"))
        assert json.loads(billing("charge-usage", "--json").stdout) == {"charges": 1}
        assert billing("charge-usage").exit_code == ExitCode.DONE
    used.work()

    assert [row["status"] for row in charges(used)] == ["charged"]
    assert used.rows("SELECT count(*) AS n FROM credit_transactions WHERE type = 'deduct'") == [{"n": 1}]
