"""Whatever the client, the workers and the gateway do: one charge for one payment, counted at the gateway and in Postgres."""

import random
from datetime import timedelta

import pytest

from billing import leases
from billing.clock import utc_now
from billing.operation_runner import run_due_operations
from billing.payments.perform import perform_payment_operation
from billing.webhooks.process import process_batch
from models.inbox_event import InboxEvent
from models.operation import Operation, OperationStatus
from tests.concurrency.crowd import at_once, workers
from tests.service.world import World, signed_body

CROWD = 20


def succeeded_events(world: World) -> int:
    return int(world.rows("SELECT count(*) AS n FROM outbox_events WHERE type = 'payment.succeeded'")[0]["n"])


def test_a_client_that_retries_and_clicks_twice_pays_once(world: World) -> None:
    body = {"amount": 2900, "currency": "USD", "payment_method": "pm_card_visa", "confirm": True}
    body["customer_id"] = world.customer()
    world.key()

    answers = at_once(
        CROWD,
        lambda _: world.call("POST", "/payments/intent", body, headers={"Idempotency-Key": "the-one-wish"}),
    )
    world.work()
    late = world.call("POST", "/payments/intent", body, headers={"Idempotency-Key": "the-one-wish"})

    accepted = [answer.json["id"] for answer in answers if answer.status_code == 202]
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len(set(accepted)) == 1
    assert (late.status_code, late.json["id"], late.json["status"]) == (201, accepted[0], "succeeded")
    assert late.headers["Idempotent-Replayed"] == "true"
    assert world.count("payments") == 1
    assert len(world.all_charges()) == 1


def test_workers_with_the_same_message_charge_once(world: World) -> None:
    accepted = world.accept_payment(world.customer())

    held = workers(world, 8)

    performed = at_once(8, lambda number: run_due_operations(held[number], now=utc_now))

    assert sum(performed) == 1
    assert world.payment(accepted["id"])["status"] == "succeeded"
    assert len(world.all_charges()) == 1
    assert world.count("payment_attempts") == 1


def test_a_worker_that_dies_after_the_charge_and_before_the_commit_charges_once(world: World) -> None:
    accepted = world.accept_payment(world.customer())
    with world.session() as session:
        (claimed,) = leases.claim(session, Operation, limit=1, lease_seconds=30, busy_status=OperationStatus.RUNNING)
    perform_payment_operation(world.runtime, operation=claimed, now=utc_now())  # and here the process dies
    assert len(world.all_charges()) == 1
    assert world.payment(accepted["id"])["status"] == "pending"

    world.make_due(Operation)
    world.work()

    assert world.payment(accepted["id"])["status"] == "succeeded"
    assert len(world.all_charges()) == 1
    assert world.rows("SELECT failures FROM operations")[0]["failures"] == 1


def test_an_answer_that_is_lost_is_asked_for_again_under_the_same_key(world: World) -> None:
    customer = world.customer()
    world.work()
    world.fault(
        "lost_answer", path="/v1/payment_intents", times=2, seconds=0
    )  # the SDK's own repetition is lost as well
    accepted = world.accept_payment(customer)
    world.work()
    assert world.payment(accepted["id"])["status"] == "pending"
    assert world.operation(accepted)["status"] == "queued"
    assert len(world.all_charges()) == 1

    world.make_due(Operation)
    world.work()

    assert world.payment(accepted["id"])["status"] == "succeeded"
    assert len(world.all_charges()) == 1
    row = world.rows("SELECT failures, postponements FROM operations WHERE kind = 'payment.create'")[0]
    assert (row["failures"], row["postponements"]) == (0, 1)


def test_the_webhook_may_come_before_our_own_answer(world: World) -> None:
    customer = world.customer()
    world.work()
    world.fault("lost_answer", path="/v1/payment_intents", times=2, seconds=0)
    accepted = world.accept_payment(customer)
    world.work()

    world.deliver(*world.events("payment_intent.succeeded"))
    world.work()
    assert world.payment(accepted["id"])["status"] == "succeeded"  # the event named our row

    world.make_due(Operation)
    world.work()
    assert world.operation(accepted)["status"] == "succeeded"
    assert len(world.all_charges()) == 1
    assert succeeded_events(world) == 1


def test_a_repeated_key_s_old_answer_does_not_undo_what_came_since(world: World) -> None:
    customer = world.customer()
    world.work()
    world.fault("lost_answer", path="/v1/payment_intents", times=2, seconds=0)
    accepted = world.accept_payment(
        customer, card="pm_card_threeDSecure2Required", return_url="https://shop.example/back"
    )
    world.work()
    world.deliver(*world.events("payment_intent.requires_action"))
    world.work()
    world.authenticate(world.payment(accepted["id"])["gateway_id"])
    world.deliver(*world.events("payment_intent.succeeded"))
    world.work()
    assert world.payment(accepted["id"])["status"] == "succeeded"

    world.make_due(Operation)
    world.work()  # under its key the gateway answers as it did first: requires_action

    assert world.operation(accepted)["status"] == "succeeded", world.operation(accepted)
    assert world.payment(accepted["id"])["status"] == "succeeded"
    assert len(world.all_charges()) == 1


def test_a_repeated_refund_s_old_answer_does_not_undo_what_came_since(world: World) -> None:
    payment = world.pay(world.customer(), card="pm_card_refundFail")
    world.fault("lost_answer", path="/v1/refunds", times=2, seconds=0)
    accepted = world.call("POST", "/payments/refund", {"payment_id": payment["id"], "amount": 700}).json
    world.work()
    world.until(lambda: world.events("refund.failed"), what="the gateway's refund.failed")
    world.deliver(*world.events("refund.failed"))
    world.work()
    assert world.payment(payment["id"])["amount_refunded"] == 0

    world.make_due(Operation)
    world.work()  # under its key the gateway answers as it did first: succeeded

    shown = world.payment(payment["id"])
    assert (shown["amount_refunded"], shown["refunds"][0]["status"]) == (0, "failed")
    assert world.operation(accepted)["status"] == "succeeded"


def test_twenty_deliveries_of_one_event_at_once_are_one_effect(world: World) -> None:
    payment = world.pay(world.customer(), card="pm_card_threeDSecure2Required", return_url="https://shop.example/back")
    world.authenticate(payment["gateway_id"])
    body = signed_body(world.events("payment_intent.succeeded")[0])

    answers = at_once(CROWD, lambda _: world.deliver_raw(body))
    at_once(4, lambda _: process_batch(world.runtime, now=utc_now))

    assert {answer.status_code for answer in answers} == {200}
    assert [answer.json["duplicate"] for answer in answers].count(False) == 1
    assert world.rows("SELECT status, count(*) AS n FROM inbox_events GROUP BY status") == [
        {"status": "processed", "n": 1}
    ]
    assert succeeded_events(world) == 1
    assert len(world.charges(payment)) == 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_order_of_events_does_not_matter(world: World, seed: int) -> None:
    payment = world.pay(world.customer(), card="pm_card_threeDSecure2Required", return_url="https://shop.example/back")
    world.authenticate(payment["gateway_id"])
    events = list(reversed(world.events()))
    if seed > 1:
        random.Random(seed).shuffle(events)

    for event in events:
        world.deliver(event)
        if seed != 3:
            world.work()
    at_once(4, lambda _: process_batch(world.runtime, now=utc_now))
    world.work()

    assert world.payment(payment["id"])["status"] == "succeeded"
    assert succeeded_events(world) == 1
    assert (
        world.rows("SELECT count(*) AS n FROM inbox_events WHERE status NOT IN ('processed', 'ignored')")[0]["n"] == 0
    )


def test_our_answer_and_the_webhook_at_the_same_moment_agree(world: World) -> None:
    customer = world.customer()
    world.work()
    accepted = [world.accept_payment(customer) for _ in range(6)]
    held = workers(world, 8)
    with world.over_http() as address:
        world.servers.sandbox.create_webhook_endpoint(url=f"{address}/webhooks/unused")

        def work(number: int) -> None:
            if number % 2:
                world.deliver(*world.events("payment_intent.succeeded"))
                process_batch(world.runtime, now=utc_now)
            else:
                run_due_operations(held[number], now=utc_now)

        at_once(8, work)
    world.make_due(InboxEvent)
    world.work()

    assert {world.payment(payment["id"])["status"] for payment in accepted} == {"succeeded"}
    assert len(world.all_charges()) == 6
    assert succeeded_events(world) == 6


def test_refunds_at_once_give_back_what_there_is_and_no_more(world: World) -> None:
    payment = world.pay(world.customer())
    world.key()

    answers = at_once(
        10, lambda _: world.call("POST", "/payments/refund", {"payment_id": payment["id"], "amount": 1000})
    )
    world.work()

    assert sorted(answer.status_code for answer in answers) == [202, 202] + [422] * 8
    assert sum(refund["amount"] for refund in world.gateway("refunds", limit=100)["data"]) == 2000
    assert world.payment(payment["id"])["amount_refunded"] == 2000


def test_two_confirmations_at_once_are_one_attempt(world: World) -> None:
    payment = world.pay(world.customer(), card=None)
    body = {"payment_id": payment["id"], "payment_method": "pm_card_visa"}

    answers = at_once(6, lambda _: world.call("POST", "/payments/confirm", body))
    world.work()

    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 5
    assert len(world.all_charges()) == 1


def test_an_outage_of_the_gateway_only_postpones(world: World) -> None:
    customer = world.customer()
    world.fault("status", path="/v1/*", status=500, times=1000)
    accepted = world.accept_payment(customer)
    for _ in range(leases.FAILURES_MAX + 2):
        world.work()
        world.make_all_due()
    assert world.operation(accepted)["status"] == "queued"

    world.servers.control("DELETE", "faults")
    world.work()

    assert world.payment(accepted["id"])["status"] == "succeeded"
    row = world.rows("SELECT failures, postponements FROM operations")[0]
    assert (row["failures"], row["postponements"]) == (0, leases.FAILURES_MAX + 2)


def age_attempts(world: World) -> None:
    with world.session() as session:
        session.connection().exec_driver_sql("UPDATE payment_attempts SET started_at = now() - interval '24 hours'")
    world.make_due(Operation)


def test_a_call_whose_key_may_be_forgotten_is_looked_up_and_not_repeated(world: World) -> None:
    customer = world.customer()
    world.work()
    world.fault("lost_answer", path="/v1/payment_intents", times=2, seconds=0)
    accepted = world.accept_payment(customer)
    world.work()

    age_attempts(world)
    world.work()

    assert world.operation(accepted)["status"] == "succeeded"
    assert world.payment(accepted["id"])["status"] == "succeeded"
    assert len(world.all_charges()) == 1


def test_a_call_that_never_arrived_and_is_too_old_waits_for_a_person(world: World) -> None:
    customer = world.customer()
    world.work()
    world.fault("reset", path="/v1/payment_intents", times=2)
    accepted = world.accept_payment(customer)
    world.work()

    age_attempts(world)
    world.work()

    operation = world.operation(accepted)
    assert (operation["error"]["code"], operation["error"]["payment_id"]) == ("gateway_key_too_old", accepted["id"])
    assert world.payment(accepted["id"])["status"] == "pending"
    assert world.rows("SELECT status FROM payment_attempts") == [{"status": "parked"}]
    assert world.all_charges() == []


def test_an_old_capture_is_settled_by_what_the_gateway_shows(world: World) -> None:
    payment = world.pay(world.customer(), capture="manual")
    world.fault("lost_answer", path="/v1/payment_intents/*/capture", times=2, seconds=0)
    accepted = world.call("POST", f"/payments/{payment['id']}/capture", {}).json
    world.work()
    assert world.payment(payment["id"])["status"] == "requires_capture"

    age_attempts(world)
    world.work()

    assert world.operation(accepted)["status"] == "succeeded"
    assert world.payment(payment["id"])["status"] == "succeeded"


def test_an_old_refund_is_looked_up_and_one_that_never_arrived_waits_for_a_person(world: World) -> None:
    payment = world.pay(world.customer())
    world.fault("lost_answer", path="/v1/refunds", times=2, seconds=0)
    arrived = world.call("POST", "/payments/refund", {"payment_id": payment["id"], "amount": 100}).json
    world.work()
    world.fault("reset", path="/v1/refunds", times=2)
    lost = world.call("POST", "/payments/refund", {"payment_id": payment["id"], "amount": 200}).json
    world.work()
    with world.session() as session:
        session.connection().exec_driver_sql(
            "UPDATE operations SET created_at = now() - interval '24 hours' WHERE kind = 'payment.refund'"
        )
    world.make_due(Operation)
    world.work()

    assert world.operation(arrived)["status"] == "succeeded"
    assert world.operation(lost)["error"]["code"] == "gateway_key_too_old"
    assert [refund["amount"] for refund in world.gateway("refunds", limit=100)["data"]] == [100]
    assert world.payment(payment["id"])["amount_refunded"] == 300  # what nobody knows of stays reserved


def test_a_lease_that_was_taken_over_commits_nothing(world: World) -> None:
    world.accept_payment(world.customer())
    with world.session() as session:
        (claimed,) = leases.claim(session, Operation, limit=1, lease_seconds=30, busy_status=OperationStatus.RUNNING)
    perform_payment_operation(world.runtime, operation=claimed, now=utc_now())
    world.make_due(Operation)
    world.work()  # another worker takes over and finishes

    with world.session() as session, pytest.raises(leases.LeaseLost):
        leases.hold(session, claimed)
    assert succeeded_events(world) == 1


def test_pauses_are_bounded_and_jittered() -> None:
    assert {leases.postpone_pause(count) <= timedelta(seconds=60) for count in range(1, 2000)} == {True}
    assert all(
        timedelta(seconds=1) <= leases.failure_pause(count) <= timedelta(seconds=8)
        for count in range(1, leases.FAILURES_MAX + 1)
    )
