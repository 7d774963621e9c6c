"""Signatures, checked by the SDK."""

import pytest
import stripe

from sandbox.events.signing import signature_header

_BODY = '{"id":"evt_1","name":"Jörg"}'


def test_the_sdk_accepts_a_signature() -> None:
    header = signature_header(secret="whsec_a", body=_BODY.encode(), timestamp=1_700_000_000)

    assert stripe.WebhookSignature.verify_header(_BODY, header, "whsec_a", tolerance=None)


def test_the_sdk_refuses_another_secret() -> None:
    header = signature_header(secret="whsec_a", body=_BODY.encode(), timestamp=1_700_000_000)

    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(_BODY, header, "whsec_b", tolerance=None)
