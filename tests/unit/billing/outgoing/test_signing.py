"""Signatures, against the example that Standard Webhooks publishes."""

import base64

import pytest

from billing.outgoing.signing import new_secret, secret_text, signature_header

PUBLISHED_SECRET = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
PUBLISHED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def sign(
    *secrets: bytes, message_id: str = "msg_p5jXN8AQM9LWM0D4loKWxJek", body: bytes = b'{"test": 2432232314}'
) -> str:
    return signature_header(secrets=secrets, message_id=message_id, timestamp=1614265330, body=body)


def test_the_published_example() -> None:
    assert sign(PUBLISHED_SECRET) == PUBLISHED


def test_each_secret_signs() -> None:
    other = new_secret()

    assert sign(other, PUBLISHED_SECRET).split(" ") == [sign(other), PUBLISHED]


@pytest.mark.parametrize("changed", [{"message_id": "msg_2"}, {"body": b'{"test": 2432232315}'}])
def test_what_is_signed_is_all_of_it(changed: dict[str, object]) -> None:
    assert sign(PUBLISHED_SECRET, **changed) != PUBLISHED  # type: ignore[arg-type]  # each has its own type


def test_a_secret_is_32_random_bytes_in_base64() -> None:
    secret = new_secret()

    assert len(secret) == 32
    assert secret != new_secret()
    assert base64.b64decode(secret_text(secret).removeprefix("whsec_"), validate=True) == secret
