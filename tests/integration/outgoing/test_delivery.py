"""An event reaches its endpoint: signed, once under one id, in order for each customer."""

from billing.clock import utc_now
from tests.integration.outgoing.receiver import Receiver, answer
from tests.integration.outgoing.sending import Sending


def test_a_payment_is_told_of_with_a_signature_that_verifies(sending: Sending, receiver: Receiver) -> None:
    payment = sending.world.pay(sending.world.customer())
    assert set(sending.send()) == {"delivered"}

    (message,) = [each for each in receiver.messages if each.json["type"] == "payment.succeeded"]
    assert message.signed_with(sending.secret)
    assert message.headers["content-type"] == "application/json"
    assert abs(int(message.headers["webhook-timestamp"]) - utc_now().timestamp()) < 60
    event = message.json
    assert list(event) == ["id", "type", "timestamp", "data"]
    assert (event["id"], event["data"]["id"], event["data"]["amount"]) == (message.id, payment["id"], 2900)
    assert event["data"]["client_secret"] is None
    assert b": " not in message.body.split(b'"data"')[0]
    assert sending.world.call("GET", f"/events/{message.id}").json["data"] == event["data"]


def test_a_failed_attempt_is_repeated_under_the_same_id_with_the_same_bytes(
    sending: Sending, receiver: Receiver
) -> None:
    sending.world.customer()
    receiver.behave = answer(500, body="out of order")
    assert sending.send() == ["pending"]
    assert sending.send() == []  # not before its pause is over
    receiver.behave = answer(204)
    sending.pass_pauses()
    assert sending.send() == ["delivered"]

    first, second = receiver.messages
    assert (first.id, first.body) == (second.id, second.body)
    tried = sending.attempts()
    assert [attempt["status_code"] for attempt in tried] == [500, 204]
    assert tried[0]["answer"] == "out of order"
    assert sending.shown()["failing_since"] is None
