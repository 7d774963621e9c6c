"""Events are closed many at once; the gateway is asked only where neither the event nor our rows can tell."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from billing.clock import utc_now
from billing.hints import Hint
from billing.unit_of_work import DatabaseUnavailable
from billing.webhooks.process import ASKED_AT_ONCE, process_batch
from models.inbox_event import InboxEvent
from tests.service.servers import ServiceServers
from tests.service.world import World

RETURN = "https://shop.example/back"


def silent_gateway(world: World) -> None:
    """Let every question to the gateway fail from now on."""
    fault = {"kind": "status", "method": "GET", "path": "/v1/*", "status": 503, "times": 10_000}
    world.servers.control("POST", "faults", fault)


def results(world: World) -> list[tuple[str, str, str]]:
    rows = world.rows("SELECT type, status, result FROM inbox_events ORDER BY id")
    return [(row["type"], row["status"], row["result"]) for row in rows]


def test_an_end_needs_no_question(world: World) -> None:
    payment = world.pay(world.customer(), card="pm_card_threeDSecure2Required", return_url=RETURN)
    world.authenticate(payment["gateway_id"])
    events = world.events_about(payment["gateway_id"])
    silent_gateway(world)
    world.deliver(*reversed(events))
    process_batch(world.runtime, now=utc_now)

    assert world.payment(payment["id"])["status"] == "succeeded"
    assert {status for _, status, _ in results(world)} == {"processed", "ignored"}
    assert world.rows("SELECT count(*) AS n FROM outbox_events WHERE type = 'payment.succeeded'") == [{"n": 1}]


def test_what_our_rows_have_left_behind_needs_no_question(world: World) -> None:
    payment = world.pay(world.customer(), card="pm_card_threeDSecure2Required", return_url=RETURN)
    world.authenticate(payment["gateway_id"])
    world.deliver(*world.events("payment_intent.succeeded"))
    world.work()
    told = world.events("payment_intent.requires_action")
    silent_gateway(world)
    world.deliver(*told)
    process_batch(world.runtime, now=utc_now)

    assert ("payment_intent.requires_action", "processed", "payment is succeeded") in results(world)


def test_a_state_that_may_change_again_is_fetched(world: World) -> None:
    payment = world.pay(world.customer(), card="pm_card_threeDSecure2Required", return_url=RETURN)
    world.authenticate(payment["gateway_id"], outcome="fail")
    told = world.events("payment_intent.payment_failed")
    silent_gateway(world)
    world.deliver(*told)
    ends = process_batch(world.runtime, now=utc_now)

    assert ends == {"postponed": 1}


@pytest.mark.parametrize("backwards", [False, True])
def test_refunds_move_on_in_whatever_order_they_are_told(world: World, *, backwards: bool) -> None:
    payment = world.pay(world.customer(), card="pm_card_refundFail")
    world.call("POST", "/payments/refund", {"payment_id": payment["id"], "amount": 900})
    world.work()
    refund = world.gateway("refunds", payment_intent=payment["gateway_id"])["data"][0]["id"]
    world.until(
        lambda: world.gateway(f"refunds/{refund}")["status"] == "failed", what="the refund's failure", seconds=30
    )
    told = world.events_about(refund, "refund.created", "refund.updated", "refund.failed")
    assert len(told) >= 2
    silent_gateway(world)
    world.deliver(*(reversed(told) if backwards else told))
    process_batch(world.runtime, now=utc_now)

    assert {status for _, status, _ in results(world)} == {"processed"}
    assert [found["status"] for found in world.payment(payment["id"])["refunds"]] == ["failed"]
    assert world.payment(payment["id"])["amount_refunded"] == 0


def test_an_event_that_says_something_else_than_we_asked_for_is_checked_with_the_gateway(world: World) -> None:
    payment = world.pay(world.customer(), card="pm_card_threeDSecure2Required", return_url=RETURN)
    world.authenticate(payment["gateway_id"])
    lying: dict[str, Any] = world.events("payment_intent.succeeded")[0]
    lying["data"]["object"] |= {"amount": 1, "amount_received": 1}
    world.deliver(lying)
    process_batch(world.runtime, now=utc_now)

    found = world.payment(payment["id"])
    assert (found["status"], found["amount"], found["amount_captured"]) == ("succeeded", 2900, 2900)


def test_a_poisonous_event_does_not_hold_up_the_others(world: World) -> None:
    payment = world.pay(world.customer(), card="pm_card_threeDSecure2Required", return_url=RETURN)
    world.authenticate(payment["gateway_id"])
    world.deliver(*world.events("payment_intent.succeeded"))
    with world.session() as session:
        for number in range(3):
            session.add(
                InboxEvent(
                    source="stripe",
                    external_id=f"evt_poison_{number}",
                    type="payment_intent.succeeded",
                    livemode=False,
                    payload={"data": "not as it was checked at the door"},
                    received_at=utc_now(),
                )
            )
    ends = process_batch(world.runtime, now=utc_now)

    assert ends == {"processed": 1, "failed": 3}
    assert world.payment(payment["id"])["status"] == "succeeded"


def test_what_cannot_be_asked_for_within_the_lease_is_given_back(world: World) -> None:
    told = {"type": "customer.updated", "livemode": False, "data": {"object": {"id": "cus_of_somebody_else"}}}
    for number in range(ASKED_AT_ONCE + 3):
        world.deliver({**told, "id": f"evt_{number}"})
    world.hints.clear()
    ends = process_batch(world.runtime, now=utc_now)

    assert ends == {"ignored": ASKED_AT_ONCE}
    assert Hint.INBOX in world.hints
    left = world.rows("SELECT status, failures, lease_token FROM inbox_events WHERE next_attempt_at <= now()")
    assert left == [{"status": "received", "failures": 0, "lease_token": None}] * 3


def test_what_our_row_shows_already_needs_no_question(world: World) -> None:
    payment = world.pay(world.customer(), card="pm_card_threeDSecure2Required", return_url=RETURN)
    told = world.events("payment_intent.requires_action")
    silent_gateway(world)
    world.deliver(*told)
    ends = process_batch(world.runtime, now=utc_now)

    assert ends == {"processed": 1}
    assert world.payment(payment["id"])["status"] == "requires_action"


def test_two_batches_of_the_same_customers_do_not_wait_for_each_other(world: World) -> None:
    """Facts take a lock for each customer; taken in the order of the events, two batches would hold each other's."""
    world.call("POST", "/webhook-endpoints", {"url": "https://shop.example/hook"})
    customers = [world.customer() for _ in range(3)]
    told = []
    for customer in customers * 2:
        payment = world.pay(customer, card="pm_card_threeDSecure2Required", return_url=RETURN)
        world.authenticate(payment["gateway_id"])
        told += world.events_about(payment["gateway_id"], "payment_intent.succeeded")
    for event in [*told[:3], *reversed(told[3:])]:
        world.deliver(event)
    begin = threading.Barrier(2)

    def work() -> Counter[str]:
        begin.wait()
        return process_batch(world.runtime, now=utc_now, limit=3)

    with ThreadPoolExecutor(2) as pool:
        ends = [future.result() for future in [pool.submit(work), pool.submit(work)]]

    assert sum(ends, Counter()) == {"processed": 6}
    assert world.rows("SELECT max(failures) AS n FROM inbox_events") == [{"n": 0}]


def test_a_batch_that_waits_too_long_for_a_row_is_given_back_and_costs_no_life(servers: ServiceServers) -> None:
    servers.reset()
    with World.open(servers, DATABASE_STATEMENT_TIMEOUT_SECONDS=0.4) as world:
        payment = world.pay(world.customer(), card="pm_card_threeDSecure2Required", return_url=RETURN)
        world.authenticate(payment["gateway_id"])
        world.deliver(*world.events("payment_intent.succeeded"))
        with psycopg.connect(servers.database_url) as holder:
            holder.execute("SELECT 1 FROM payments FOR UPDATE")
            with pytest.raises(DatabaseUnavailable):
                process_batch(world.runtime, now=utc_now)
        waiting = world.rows("SELECT status, failures, lease_token FROM inbox_events")
        assert waiting == [{"status": "received", "failures": 0, "lease_token": None}]
        assert process_batch(world.runtime, now=utc_now) == {"processed": 1}
