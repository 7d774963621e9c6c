"""The story's receiver believes what is signed, and nothing else."""

import httpx
import pytest

from billing.outgoing.signing import new_secret, secret_text, signature_header
from cli.demo import receiver as module
from cli.demo.receiver import EventMissing, Receiver

BODY = b'{"id":"evt_1","type":"payment.succeeded","data":{"id":"pay_1"}}'


def deliver(receiver: Receiver, *, secret: bytes) -> int:
    signature = signature_header(secrets=[secret], message_id="evt_1", timestamp=1614265330, body=BODY)
    headers = {"webhook-id": "evt_1", "webhook-timestamp": "1614265330", "webhook-signature": signature}
    return httpx.post(receiver.url, content=BODY, headers=headers, trust_env=False).status_code


def test_a_signed_event_arrives_and_a_forged_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.2)
    secret = new_secret()
    with Receiver() as receiver:
        receiver.secret = secret_text(secret)

        assert deliver(receiver, secret=new_secret()) == 400
        with pytest.raises(EventMissing):
            receiver.event(event_type="payment.succeeded", about="pay_1")
        assert deliver(receiver, secret=secret) == 204
        assert receiver.event(event_type="payment.succeeded", about="pay_1")["id"] == "evt_1"
