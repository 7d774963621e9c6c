"""A run is a row of work: read page by page, gone on with after a death, postponed while the gateway is away."""

from datetime import timedelta
from typing import Any

import pytest

from billing import leases
from billing.actor import OPERATOR_CLI, WORKER
from billing.clock import utc_now
from billing.hints import Hint
from billing.reconciliation import listed, review, run
from billing.reconciliation.run import (
    NIGHTLY_WINDOW,
    SETTLING_TIME,
    ReconciliationUnderWay,
    advance_run,
    begin_nightly_run,
)
from models.reconciliation import ReconciliationRun
from tasks.maintenance import begin_reconciliation
from tests.integration.reconciliation.stories import HOUR, begin, finish, reconcile, said
from tests.service.world import World


def the_run(world: World) -> dict[str, Any]:
    return world.rows("SELECT * FROM reconciliation_runs ORDER BY id DESC LIMIT 1")[0]


def let_the_lease_end(world: World) -> None:
    world.make_due(ReconciliationRun)


def claim(world: World) -> None:
    """Take the run as a worker does that dies before it has done anything."""
    with world.session() as session:
        assert leases.claim(session, ReconciliationRun, limit=1, lease_seconds=90, busy_status=None)


def make_intents(world: World, number: int) -> None:
    for each in range(number):
        world.gateway_post("payment_intents", amount=100 + each, currency="usd")


def test_more_than_a_page_is_read(world: World) -> None:
    make_intents(world, 103)

    found = reconcile(world)

    assert found["compared"]["payment"] == found["differences_found"] == 103


def test_pages_of_ours_are_read_to_the_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listed, "PAGE_SIZE", 2)
    customer = world.customer()
    payments = [world.pay(customer) for _ in range(5)]
    for payment in payments:
        world.gateway_post("refunds", payment_intent=payment["gateway_id"], amount=100)

    found = reconcile(world)

    assert found["compared"]["payment"] == found["compared"]["refund"] == 5
    assert found["compared"]["balance_transaction"] == 10
    assert [each["difference"] for each in found["totals"]] == [0]
    assert {world.payment(payment["id"])["amount_refunded"] for payment in payments} == {100}


def test_a_worker_that_dies_at_any_slice_is_followed_by_another(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listed, "PAGE_SIZE", 2)
    make_intents(world, 5)
    late = world.pay(world.customer(), card="pm_card_threeDSecure2Required", return_url="https://shop.example/back")
    world.authenticate(late["gateway_id"])
    begin(world)
    for _ in range(60):
        claim(world)
        let_the_lease_end(world)
        advance_run(world.runtime, now=utc_now)
        if the_run(world)["status"] != "running":
            break

    assert (the_run(world)["status"], the_run(world)["counts"]["payment"]) == ("finished", 6)
    assert sorted(said(world)) == [
        *[("payment", "missing_here", "judge_foreign_object", "open")] * 5,
        ("payment", "status_differs", "apply_gateway_state", "mended"),
    ]
    assert world.count("reconciliation_seen") == 0


def test_a_slice_that_was_taken_over_writes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    make_intents(world, 1)
    begin(world)
    fetch = world.runtime.gateway.page_of_intents

    def taken_over_meanwhile(**asked: Any) -> Any:
        page = fetch(**asked)
        let_the_lease_end(world)
        claim(world)
        return page

    monkeypatch.setattr(world.runtime.gateway, "page_of_intents", taken_over_meanwhile)

    assert advance_run(world.runtime, now=utc_now) == {"lease_lost": 1}
    assert (the_run(world)["slices"], world.count("reconciliation_differences")) == (0, 0)


def test_deaths_without_any_progress_end_the_run_and_the_next_one_begins_anew(world: World) -> None:
    begin(world)
    for _ in range(leases.FAILURES_MAX + 1):
        claim(world)
        let_the_lease_end(world)

    assert advance_run(world.runtime, now=utc_now) == {"dead": 1}
    assert (the_run(world)["status"], the_run(world)["finished_at"] is None) == ("failed", False)
    assert reconcile(world)["status"] == "finished"


def test_while_the_gateway_is_away_the_run_waits_where_it_is(world: World) -> None:
    make_intents(world, 1)
    begin(world)
    fault = {"kind": "status", "method": "GET", "path": "/v1/payment_intents", "status": 500, "times": 2}
    world.servers.control("POST", "faults", fault)

    assert advance_run(world.runtime, now=utc_now) == {"postponed": 1}
    assert (the_run(world)["status"], the_run(world)["last_error"]) == ("running", "gateway_unavailable")
    let_the_lease_end(world)
    finish(world)
    assert (the_run(world)["status"], the_run(world)["last_error"]) == ("finished", None)


def test_a_run_that_does_not_come_to_an_end_is_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    make_intents(world, 1)
    begin(world)
    monkeypatch.setattr(run, "SLICES_MAX", 0)

    advance_run(world.runtime, now=utc_now)

    assert the_run(world)["status"] == "failed"
    assert the_run(world)["last_error"] == "more than 0 slices: choose a shorter time"


def test_there_is_one_run_at_a_time(world: World) -> None:
    begin(world)

    with pytest.raises(ReconciliationUnderWay):
        begin(world)


def test_the_nightly_run_covers_the_nights_that_failed(world: World) -> None:
    now = utc_now().replace(microsecond=0)
    with world.session() as session:
        first = begin_nightly_run(session, actor=WORKER, now=now)
    assert (first.until, first.since) == (now - SETTLING_TIME, now - SETTLING_TIME - NIGHTLY_WINDOW)
    finish(world)

    later = now + timedelta(days=20)
    with world.session() as session:
        assert begin_nightly_run(session, actor=WORKER, now=later).since == first.until
    assert Hint.RECONCILIATION in world.hints


def test_the_nightly_job_begins_once_a_day_and_waits_for_a_run_that_is_under_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.base.current_runtime", lambda: world.runtime)
    begin(world)
    assert "is under way" in begin_reconciliation()
    finish(world)

    assert begin_reconciliation().startswith("begun over what was created from")
    finish(world)
    assert begin_reconciliation() == "another beat ran this slot"
    assert world.count("reconciliation_runs") == 2


def test_a_difference_that_cannot_be_looked_at_keeps_the_run_from_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = world.pay(world.customer(), card="pm_card_threeDSecure2Required", return_url="https://shop.example/back")
    world.authenticate(late["gateway_id"])
    world.open_dispute(late)
    monkeypatch.setattr(review, "on_payment_intent", lambda *_: 1 / 0)

    reconcile(world)

    assert said(world)[:2] == [
        ("payment", "status_differs", "inspect_refusal", "open"),
        ("dispute", "missing_here", "apply_gateway_state", "mended"),
    ]


def test_what_is_newer_than_the_run_is_not_compared(world: World) -> None:
    make_intents(world, 1)
    world.pay(world.customer())
    now = utc_now()
    with world.session() as session:
        run.begin_run(session, since=now - 2 * HOUR, until=now - HOUR, actor=OPERATOR_CLI, now=now)
    finish(world)

    assert set(the_run(world)["counts"].values()) == {0}
