"""The life of an endpoint: made, changed, its secret rotated, switched off and on, deleted; and what it missed."""

import json
from datetime import timedelta
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from billing.clock import utc_now
from billing.outgoing.endpoints import ENDPOINTS_MAX
from billing.outgoing.events import purge_old_events
from billing.outgoing.schedule import SWITCHED_OFF_AFTER
from tests.concurrency.crowd import at_once
from tests.integration.outgoing.receiver import Receiver, answer
from tests.integration.outgoing.sending import Sending
from tests.service.world import World

PUBLIC = "https://shop.example/hook"


def everything_stored(world: World) -> str:
    """Return all tables as text."""
    tables = world.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return "".join(str(world.rows(f"SELECT to_jsonb(t)::text AS row FROM {table['tablename']} t")) for table in tables)


def test_the_secret_is_shown_once_and_kept_sealed(world: World) -> None:
    headers = {"Idempotency-Key": "one-endpoint"}
    first = world.call("POST", "/webhook-endpoints", {"url": PUBLIC}, headers=headers)
    again = world.call("POST", "/webhook-endpoints", {"url": PUBLIC}, headers=headers)
    rotated = world.call("POST", f"/webhook-endpoints/{first.json['id']}/rotate-secret", {})

    assert first.status_code == again.status_code == 201
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json == {**first.json, "secret": None}
    secrets = [first.json["secret"], rotated.json["secret"]]
    assert len({*secrets}) == 2
    assert all(secret.startswith("whsec_") for secret in secrets)
    assert world.call("GET", f"/webhook-endpoints/{first.json['id']}").json["secret"] is None
    assert world.call("GET", "/webhook-endpoints").json["data"][0]["secret"] is None
    stored = everything_stored(world)
    assert not any(secret.removeprefix("whsec_") in stored for secret in secrets)


def test_both_secrets_sign_for_a_day_after_a_rotation(sending: Sending, receiver: Receiver) -> None:
    answered = sending.world.call("POST", f"/webhook-endpoints/{sending.endpoint}/rotate-secret", {}).json
    new, now = answered["secret"], utc_now()
    for later in (timedelta(0), timedelta(hours=23, minutes=59), timedelta(hours=24, minutes=1)):
        sending.world.customer()
        assert sending.send(now=now + later) == ["delivered"]

    signed = [(message.signed_with(sending.secret), message.signed_with(new)) for message in receiver.messages]
    assert signed == [(True, True), (True, True), (False, True)]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/url"),
        ({"url": "http://shop.example/"}, "/url"),
        ({"url": "https://127.0.0.1/"}, "/url"),
        ({"url": "https://ada:pw@shop.example/"}, "/url"),
        ({"url": "https://shop.example:6379/"}, "/url"),
        ({"url": 1}, "/url"),
        ({"url": PUBLIC, "events": []}, "/events"),
        ({"url": PUBLIC, "events": ["payment.succeeded", "payment.suceeded"]}, "/events/1"),
        ({"url": PUBLIC, "secret": "whsec_mine"}, "/secret"),
        ({"url": PUBLIC, "status": "disabled"}, "/status"),
    ],
)
def test_what_an_endpoint_cannot_be(world: World, body: dict[str, object], pointer: str) -> None:
    answered = world.call("POST", "/webhook-endpoints", body)

    assert answered.status_code == 422, answered.text
    assert answered.json["errors"][0]["pointer"] == pointer
    assert world.count("webhook_endpoints") == 0


def test_a_url_that_is_refused_later_leaves_the_endpoint_as_it_was(world: World) -> None:
    made = world.call("POST", "/webhook-endpoints", {"url": PUBLIC}).json
    for body in ({"url": "https://10.0.0.1/"}, {"url": ""}, {"events": ["no.such"]}, {"status": "gone"}):
        assert world.call("PUT", f"/webhook-endpoints/{made['id']}", body).status_code == 422

    assert world.call("GET", f"/webhook-endpoints/{made['id']}").json == {**made, "secret": None}


def test_a_service_whose_setting_is_taken_back_reaches_nothing_private(sending: Sending, receiver: Receiver) -> None:
    sending.world.customer()
    with World.open(sending.world.servers) as strict:
        assert Sending(strict, receiver, sending.endpoint, sending.secret).send() == ["pending"]

    assert receiver.connections == 0
    assert sending.attempts()[0]["error"] == "scheme_refused"


def test_an_endpoint_hears_of_the_types_that_it_asked_for(sending: Sending, receiver: Receiver) -> None:
    sending.change(events=["payment.succeeded", "payment.declined"])
    sending.world.pay(sending.world.customer())
    sending.send()

    assert [event["type"] for event in receiver.events()] == ["payment.succeeded"]


def test_each_of_several_endpoints_hears_and_one_that_fails_holds_up_no_other(
    sending: Sending, receiver: Receiver
) -> None:
    with Receiver() as failing:
        failing.behave = answer(500)
        other = Sending.to(sending.world, failing)
        for _ in range(3):
            sending.world.customer()
        sending.send()
        assert len(receiver.events()) == 3
        assert {delivery["status"] for delivery in sending.deliveries()} == {"delivered"}
        assert {delivery["status"] for delivery in other.deliveries()} == {"pending"}


def test_switched_off_it_is_sent_nothing_and_what_it_missed_can_be_asked_for(
    sending: Sending, receiver: Receiver
) -> None:
    customer = sending.world.customer()
    assert sending.change(status="disabled")["disabled_reason"] == "requested"
    sending.world.call("PUT", f"/customers/{customer}", {"name": "Ada"})
    assert sending.send() == []
    assert [each["status"] for each in sending.deliveries()] == ["skipped", "pending"]
    since = {"since": "2020-01-01T00:00:00Z"}
    path = f"/webhook-endpoints/{sending.endpoint}/redeliver"
    assert sending.world.call("POST", path, since).json["code"] == "webhook_endpoint_disabled"

    assert sending.change(status="enabled")["disabled_reason"] is None
    assert sending.send() == ["delivered"]  # what waited goes on by itself
    answered = sending.world.call("POST", path, since)
    assert (answered.status_code, answered.json) == (202, {"redelivered": 1, "has_more": False})
    assert sending.send() == ["delivered"]
    assert [event["type"] for event in receiver.events()] == ["customer.created", "customer.updated"]


def test_at_a_new_url_it_starts_afresh(sending: Sending, receiver: Receiver) -> None:
    receiver.behave = answer(503, "retry-after: 3600")
    sending.world.customer()
    sending.send()
    assert sending.send() == []
    with Receiver() as mended:
        sending.change(description="nothing else")
        assert sending.send() == []
        sending.change(url=mended.url)
        assert sending.shown()["failing_since"] is None
        assert sending.send() == ["delivered"]
        assert len(mended.messages) == 1


def test_an_event_that_was_taken_can_be_sent_again_under_its_id(sending: Sending, receiver: Receiver) -> None:
    sending.world.customer()
    sending.send()
    delivery = sending.deliveries()[0]["id"]
    path = f"/webhook-endpoints/{sending.endpoint}/deliveries/{delivery}/redeliver"

    answered = sending.world.call("POST", path, {})
    assert (answered.status_code, answered.json["status"], answered.json["attempts_count"]) == (202, "pending", 0)
    assert sending.world.call("POST", path, {}).json["code"] == "webhook_delivery_pending"
    assert sending.send() == ["delivered"]
    assert receiver.messages[0].id == receiver.messages[1].id
    assert len(sending.attempts()) == 2


def test_what_is_missed_is_sent_again_in_order_a_hundred_at_a_time(sending: Sending, receiver: Receiver) -> None:
    customer = sending.world.customer()
    sending.send()
    sending.change(status="disabled")
    for number in range(102):
        sending.world.call("PUT", f"/customers/{customer}", {"name": f"Ada {number}"})
    sending.change(status="enabled")

    answers = [
        sending.world.call(
            "POST", f"/webhook-endpoints/{sending.endpoint}/redeliver", {"since": "2020-01-01T00:00:00Z"}
        ).json
        for _ in range(2)
    ]
    assert answers == [{"redelivered": 100, "has_more": True}, {"redelivered": 2, "has_more": False}]
    sending.send()
    assert [event["data"]["name"] for event in receiver.events("customer.updated")] == [
        f"Ada {number}" for number in range(102)
    ]


def test_one_that_fails_for_days_is_switched_off_with_a_notice(sending: Sending, receiver: Receiver) -> None:
    with Receiver() as witness:
        Sending.to(sending.world, witness, events=["webhook_endpoint.disabled"])
        receiver.behave = answer(500)
        sending.world.customer()
        now = utc_now()
        sending.send(now=now)
        sending.pass_pauses()
        sending.send(now=now + SWITCHED_OFF_AFTER - timedelta(minutes=1))
        assert sending.shown()["status"] == "enabled"
        sending.pass_pauses()
        structlog.contextvars.clear_contextvars()
        with capture_logs() as lines:
            sending.send(now=now + SWITCHED_OFF_AFTER)

        shown = sending.shown()
        assert (shown["status"], shown["disabled_reason"]) == ("disabled", "failing")
        (notice,) = witness.events()
        assert (notice["type"], notice["data"]["id"]) == ("webhook_endpoint.disabled", sending.endpoint)
    (alarm,) = [line for line in lines if line["log_level"] == "error"]
    assert (alarm["event"], alarm["endpoint_id"]) == ("webhook_endpoint.disabled", sending.endpoint)
    assert receiver.url not in json.dumps(lines)
    audit = sending.world.call("GET", f"/audit-log?object={sending.endpoint}&action=webhook_endpoint.disabled").json
    assert audit["data"][0]["after"]["disabled_reason"] == "failing"
    assert 'switched_off_total{reason="failing"}' in sending.world.app.test_client().get("/metrics").text


def test_deleted_it_is_gone_with_its_secrets_and_what_waited(sending: Sending, receiver: Receiver) -> None:
    sending.world.customer()
    answered = sending.world.call("DELETE", f"/webhook-endpoints/{sending.endpoint}")

    assert answered.json == {"id": sending.endpoint, "deleted": True}
    assert sending.world.call("GET", f"/webhook-endpoints/{sending.endpoint}").status_code == 404
    assert sending.world.call("GET", "/webhook-endpoints").json["data"] == []
    assert sending.send() == []
    sending.world.customer()
    assert sending.world.rows("SELECT status FROM webhook_deliveries") == [{"status": "skipped"}]
    assert sending.world.rows("SELECT secret, previous_secret FROM webhook_endpoints") == [
        {"secret": None, "previous_secret": None}
    ]


def test_events_that_are_noted_while_their_endpoint_is_deleted_do_not_stay_pending(sending: Sending) -> None:
    customers = [sending.world.customer() for _ in range(3)]

    def act(place: int) -> Any:
        if place == 3:
            return sending.world.call("DELETE", f"/webhook-endpoints/{sending.endpoint}").status_code
        return sending.world.call("PUT", f"/customers/{customers[place]}", {"name": "Ada"}).status_code

    assert set(at_once(4, act)) == {200}
    assert sending.world.rows("SELECT 1 FROM webhook_deliveries WHERE status = 'pending'") == []


def test_there_are_so_many_endpoints_and_no_more(world: World) -> None:
    answers = [world.call("POST", "/webhook-endpoints", {"url": PUBLIC}) for _ in range(ENDPOINTS_MAX + 1)]

    assert [each.status_code for each in answers] == [201] * ENDPOINTS_MAX + [409]
    assert answers[-1].json["code"] == "too_many_webhook_endpoints"


def test_deliveries_and_events_are_listed_by_what_one_looks_for(sending: Sending) -> None:
    payment = sending.world.pay(sending.world.customer())
    sending.send()
    (event,) = sending.world.call("GET", f"/events?type=payment.succeeded&object={payment['id']}").json["data"]

    assert [each["event_id"] for each in sending.deliveries(type="payment.succeeded")] == [event["id"]]
    assert [each["event_type"] for each in sending.deliveries(event_id=event["id"])] == ["payment.succeeded"]
    assert sending.deliveries(event_id="evt_nonsense") == sending.deliveries(status="dead") == []
    assert sending.world.call("GET", f"/events/{event['id']}").json == event
    assert sending.world.call("GET", "/events/evt_nonsense").status_code == 404


def test_events_are_kept_for_90_days_unless_somebody_has_yet_to_hear_of_them(sending: Sending) -> None:
    told = sending.world.customer()
    sending.world.work()
    sending.send()
    sending.receiver.behave = answer(500)
    owed = sending.world.customer()
    sending.world.work()
    sending.send()

    def purge(days: int) -> int:
        with sending.world.session() as session:
            return purge_old_events(session, now=utc_now() + timedelta(days=days))

    assert purge(89) == 0
    assert purge(91) == 1
    assert sending.world.rows("SELECT object_id FROM outbox_events") == [{"object_id": owed}]
    assert told != owed
    assert [each["status"] for each in sending.deliveries()] == ["pending"]
