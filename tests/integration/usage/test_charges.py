"""What events cost: deducted once, on the day's exact total, and owed where it is not there."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from billing import leases
from billing.clock import utc_now
from billing.credits.deduct import deduct_each
from billing.credits.rebuild import rebuild_if_lost
from billing.fail_points import FailPointRaised
from billing.hints import Hint
from billing.usage import charge as module
from billing.usage.charge import charge_due
from models.ids import public_id
from models.usage import UsageCharge
from tests.integration.usage.stories import (
    add_meter,
    charges,
    days_ago,
    deductions,
    event,
    report,
    require_whole,
    results,
)
from tests.service.world import World

# Nothing listens on the discard port.
NOWHERE = "redis://127.0.0.1:9/0"


@pytest.fixture
def customer(opened: World) -> str:
    """A customer with 100 credits; a thousand tokens cost one, rounded down."""
    add_meter(opened, credits_per_unit="1/1000", rounding="down")
    return opened.customer_with_credits(100)


def work_through(world: World) -> None:
    """Let workers try, each cut off where a point is armed, until nothing is due."""
    for _ in range(3):
        with suppress(FailPointRaised):
            world.work()
        world.make_due(UsageCharge)


def test_an_event_takes_its_credits_once(opened: World, customer: str) -> None:
    sent = event(customer, 7_500, data={"tokens": 7_500, "projectId": "p1"})

    taken = report(opened, sent).json["data"][0]
    assert Hint.USAGE in opened.hints
    assert opened.call("GET", "/usage/events").json["data"][0]["charge"] == {
        "credits": 7, "status": "pending", "transaction_id": None,
    }  # fmt: skip
    report(opened, sent)
    opened.work()
    report(opened, sent)
    opened.work()

    assert opened.balance(customer) == 93
    (deducted,) = deductions(opened)
    assert (deducted["amount"], deducted["operation"]) == (7, "ai_tokens")
    assert deducted["metadata"] == {"usageEvent": taken["id"], "projectId": "p1"}
    shown = opened.call("GET", "/usage/events").json["data"][0]["charge"]
    assert shown == {"credits": 7, "status": "charged", "transaction_id": public_id("ctx", deducted["id"])}
    used = opened.call("GET", f"/usage?customer_id={customer}&group_by=project").json["data"]
    assert used == [{"project": "p1", "amount": 7, "count": 1}]
    require_whole(opened)


def test_a_day_is_rounded_and_not_its_events(opened: World, customer: str) -> None:
    report(opened, [event(customer, 400) for _ in range(5)])
    report(opened, event(customer, 999))
    report(opened, [event(customer, 600, at=days_ago(1)), event(customer, 399, at=days_ago(1))])
    opened.work()

    assert [row["amount"] for row in deductions(opened)] == [1, 1]  # the third and the fifth; 2,999 are no three
    assert opened.balance(customer) == 98
    require_whole(opened)


@pytest.mark.parametrize(("rounding", "cost"), [("down", 2), ("half_up", 3), ("up", 3)])
def test_each_rounding_is_what_the_books_are_checked_against(opened: World, rounding: str, cost: int) -> None:
    add_meter(opened, credits_per_unit="1/3", rounding=rounding)
    customer = opened.customer_with_credits(100)

    for number in range(15):
        report(opened, event(customer, "0.5"), headers={"Idempotency-Key": f"{number}"})
    report(opened, event(customer, 0))
    opened.work()

    assert 100 - opened.balance(customer) == cost
    require_whole(opened)


def test_a_meter_that_counts_costs_by_the_event(opened: World) -> None:
    add_meter(opened, "calls", sums=None, credits_per_unit="2")
    customer = opened.customer_with_credits(100)

    report(opened, [event(customer, type="calls.used") for _ in range(3)])
    opened.work()

    assert [row["amount"] for row in deductions(opened)] == [2, 2, 2]


def test_work_that_was_done_is_never_refused_it_is_owed(opened: World, customer: str) -> None:
    report(opened, [event(customer, 90_000), event(customer, 30_000), event(customer, 5_000)])
    opened.work()

    account = opened.call("GET", f"/credits/balance?customer_id={customer}").json
    assert (account["balance"], account["debt"]) == (0, 25)
    assert {row["status"] for row in charges(opened)} == {"charged"}
    require_whole(opened)
    opened.call("POST", "/credits/grants", {"customer_id": customer, "amount": 30})
    assert opened.balance(customer) == 5
    require_whole(opened)


@pytest.mark.parametrize("point", ["usage.charges_claimed", "usage.deducted", "usage.charges_before_commit"])
def test_who_is_cut_off_deducts_once(opened: World, customer: str, fails_at: Callable[[str], None], point: str) -> None:
    report(opened, event(customer, 7_000))
    fails_at(point)

    work_through(opened)

    assert opened.balance(customer) == 93
    assert [row["amount"] for row in deductions(opened)] == [7]
    assert [(row["status"], row["next_attempt_at"]) for row in charges(opened)] == [("charged", None)]
    require_whole(opened)


def test_a_request_that_is_cut_off_before_its_commit_counts_nothing(
    opened: World, customer: str, fails_at: Callable[[str], None]
) -> None:
    sent = event(customer, 7_000)
    fails_at("request.before_commit")
    assert report(opened, sent).status_code == 500
    opened.work()
    assert (opened.count("usage_events"), opened.count("usage_totals"), opened.balance(customer)) == (0, 0, 100)

    fails_at("request.after_commit")
    assert report(opened, sent).status_code == 500
    assert results(opened, [sent]) == ["duplicate"]
    opened.work()

    assert opened.balance(customer) == 93


def test_a_deduction_is_known_again_when_the_server_has_forgotten_its_key(
    opened: World, customer: str, fails_at: Callable[[str], None]
) -> None:
    report(opened, event(customer, 7_000))
    fails_at("usage.charges_before_commit")
    with suppress(FailPointRaised):
        opened.work()
    server = opened.runtime.credits.redis
    assert server.delete(*server.scan_iter(match="credits:*:answer:*"))

    work_through(opened)

    assert opened.balance(customer) == 93
    assert [row["status"] for row in charges(opened)] == ["charged"]


def test_a_deduction_that_the_server_lost_is_made_again(
    opened: World, customer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deductions(opened)
    report(opened, event(customer, 7_000))

    def deduct_and_lose(*arguments: Any, **named: Any) -> Any:
        answers = deduct_each(*arguments, **named)
        opened.runtime.credits.redis.flushall()  # with its journal, which nobody has drained
        return answers

    monkeypatch.setattr(module, "deduct_each", deduct_and_lose)
    assert charge_due(opened.runtime, now=utc_now) == {"postponed": 1}
    monkeypatch.undo()
    rebuild_if_lost(opened.runtime, now=utc_now)
    assert opened.balance(customer) == 100

    opened.make_due(UsageCharge)
    opened.work()

    assert opened.balance(customer) == 93
    require_whole(opened)


def test_while_the_credits_server_is_away_events_count_and_charges_wait(opened: World, customer: str) -> None:
    with World.open(opened.servers, REDIS_CREDITS_URL=NOWHERE) as cut_off:
        assert results(cut_off, [event(customer, 7_000)]) == ["accepted"]
        assert charge_due(cut_off.runtime, now=utc_now) == {"postponed": 1}
    (waiting,) = charges(opened)
    assert (waiting["status"], waiting["failures"], waiting["last_error"]) == ("pending", 0, "credits_unavailable")

    opened.make_due(UsageCharge)
    opened.work()

    assert opened.balance(customer) == 93


def test_a_debt_past_any_use_waits_for_a_person(opened: World) -> None:
    add_meter(opened, credits_per_unit="999999999")
    customer = opened.customer_with_credits(1)
    report(opened, [event(customer, 1_000), event(customer, 2)])

    for _ in range(leases.FAILURES_MAX):
        opened.work()
        opened.make_due(UsageCharge)

    assert [row["status"] for row in charges(opened)] == ["charged", "failed"]
    assert "insufficient_credits" in charges(opened)[1]["last_error"]
    require_whole(opened)


def test_a_charge_that_breaks_its_batch_holds_up_no_other_and_is_tried_again_on_demand(
    opened: World, customer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(opened, [event(customer, 1_000) for _ in range(7)])
    bad, order_of = charges(opened)[3]["id"], module._order

    def order(charge: UsageCharge, about: Any) -> Any:
        if charge.id == bad:
            raise ValueError("this one cannot be deducted")
        return order_of(charge, about)

    with monkeypatch.context() as patched:
        patched.setattr(module, "_order", order)
        for _ in range(leases.FAILURES_MAX):
            opened.work()
            opened.make_due(UsageCharge)
    assert opened.balance(customer) == 94
    assert [row["status"] for row in charges(opened)].count("failed") == 1

    with opened.session() as session:
        assert module.charge_failed_again(session) == 1
    opened.work()

    assert opened.balance(customer) == 93
    require_whole(opened)


def test_a_late_event_costs_by_the_total_of_its_own_day(opened: World, customer: str) -> None:
    before = utc_now() - timedelta(days=2)
    report(opened, event(customer, 600))
    report(opened, event(customer, 600, at=before))
    report(opened, event(customer, 600, at=before))
    opened.work()

    assert [row["amount"] for row in deductions(opened)] == [1]
    require_whole(opened)
