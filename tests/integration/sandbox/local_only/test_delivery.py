"""Deliveries: signed, in order, retried, and disturbed on purpose."""

import stripe

from tests.integration.sandbox.control import Control
from tests.integration.sandbox.payments import pay
from tests.integration.sandbox.process import SandboxProcess
from tests.integration.sandbox.receiver import Receiver
from tests.integration.sandbox.waiting import wait_for


def test_a_payment_is_told_by_signed_events(local: stripe.StripeClient, receiver: Receiver) -> None:
    intent = pay(local, "pm_card_visa")

    wait_for(lambda: len(receiver.events()) == 4)

    events = {event.type: event for event in receiver.events()}
    assert set(events) == {
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "charge.updated",
    }
    succeeded = events["payment_intent.succeeded"]
    assert succeeded.data.object["id"] == intent.id
    assert succeeded.pending_webhooks == 1
    assert succeeded.api_version == stripe.api_version
    assert succeeded.request is not None
    assert (succeeded.request.id or "").startswith("req_")
    assert succeeded.request.idempotency_key
    updated = events["charge.updated"]
    assert updated.data.previous_attributes is not None
    assert updated.data.previous_attributes["balance_transaction"] is None
    assert updated.request is not None
    assert updated.request.id is None


def test_a_delivered_event_is_no_longer_pending(local: stripe.StripeClient, receiver: Receiver) -> None:
    local.v1.customers.create({})
    wait_for(receiver.events)

    event = local.v1.events.list({"type": "customer.created"}).data[0]

    wait_for(lambda: local.v1.events.retrieve(event.id).pending_webhooks == 0)


def test_an_endpoint_hears_only_what_it_asked_for(
    local: stripe.StripeClient, receiver: Receiver, control: Control
) -> None:
    with Receiver() as picky:
        endpoint = local.v1.webhook_endpoints.create({"url": picky.url, "enabled_events": ["customer.deleted"]})
        picky.secret = endpoint.secret or ""
        customer = local.v1.customers.create({})
        local.v1.customers.delete(customer.id)

        wait_for(lambda: len(receiver.events()) == 2)
        wait_for(picky.events)

        assert [event.type for event in picky.events()] == ["customer.deleted"]


def test_a_refused_delivery_is_tried_again(local: stripe.StripeClient, receiver: Receiver, control: Control) -> None:
    receiver.statuses = [500]

    local.v1.customers.create({})

    first, second = wait_for(lambda: receiver.events() if len(receiver.events()) == 2 else None)
    assert first.id == second.id
    delivery = wait_for(lambda: control.get("/deliveries?state=delivered")["deliveries"])[0]
    assert (delivery["attempts"], delivery["status"]) == (2, 200)


def test_a_receiver_that_is_away_gets_its_event_later(local: stripe.StripeClient, control: Control) -> None:
    with Receiver() as receiver:
        endpoint = local.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
        receiver.secret = endpoint.secret or ""
        address = receiver.url
    local.v1.customers.create({})
    wait_for(lambda: control.get("/deliveries")["deliveries"][0]["attempts"])

    with Receiver() as receiver:
        receiver.secret = endpoint.secret or ""
        assert receiver.url != address
        local.v1.webhook_endpoints.update(endpoint.id, {"url": receiver.url})
        wait_for(receiver.events)


def test_held_events_arrive_when_released(local: stripe.StripeClient, receiver: Receiver, control: Control) -> None:
    control.post("/webhooks", mode="hold")
    local.v1.customers.create({})
    assert control.get("/webhooks") == {"mode": "hold", "times": 1, "held": 1}
    assert receiver.events() == []

    assert control.post("/webhooks/release") == {"released": 1}

    wait_for(receiver.events)


def test_dropped_events_never_arrive_but_can_be_sent_again(
    local: stripe.StripeClient, receiver: Receiver, control: Control
) -> None:
    control.post("/webhooks", mode="drop")
    local.v1.customers.create({})
    event = local.v1.events.list({"type": "customer.created"}).data[0]
    assert control.get("/deliveries")["deliveries"][0]["state"] == "dropped"

    control.post(f"/events/{event.id}/redeliver")

    (arrived,) = wait_for(receiver.events)
    assert arrived.id == event.id


def test_duplicated_events_arrive_several_times(
    local: stripe.StripeClient, receiver: Receiver, control: Control
) -> None:
    control.post("/webhooks", mode="duplicate", times=3)

    local.v1.customers.create({})

    events = wait_for(lambda: receiver.events() if len(receiver.events()) == 3 else None)
    assert len({event.id for event in events}) == 1


def test_reordered_events_arrive_newest_first(local: stripe.StripeClient, receiver: Receiver, control: Control) -> None:
    control.post("/webhooks", mode="reorder", times=20)
    pay(local, "pm_card_visa", capture_method="automatic")
    made = [event.id for event in local.v1.events.list({"limit": 10}).data]

    control.post("/webhooks/release")

    arrived = wait_for(lambda: receiver.events() if len(receiver.events()) == len(made) else None)
    assert [event.id for event in arrived] == made


def test_a_full_batch_is_released_by_itself(local: stripe.StripeClient, receiver: Receiver, control: Control) -> None:
    control.post("/webhooks", mode="reorder", times=2)

    first = local.v1.customers.create({})
    second = local.v1.customers.create({})

    arrived = wait_for(lambda: receiver.events() if len(receiver.events()) == 2 else None)
    assert [event.data.object["id"] for event in arrived] == [second.id, first.id]


def test_an_unfinished_delivery_survives_a_kill(
    local: stripe.StripeClient, receiver: Receiver, control: Control, sandbox: SandboxProcess
) -> None:
    control.post("/webhooks", mode="hold")
    customer = local.v1.customers.create({})
    sandbox.kill()
    sandbox.start()

    assert control.get("/webhooks")["held"] == 1
    control.post("/webhooks/release")

    (event,) = wait_for(receiver.events)
    assert event.data.object["id"] == customer.id
