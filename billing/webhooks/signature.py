"""Rule: is this body signed by Stripe, just now? (Stripe's documentation, "Verify webhook signatures manually".)

Written here rather than taken from the SDK because its check lets a signature from the future pass, and raises other errors
than its own on bytes that are no text (`stripe/_webhook.py`).
"""

import hmac
from collections.abc import Sequence
from datetime import datetime

from billing.errors import BadRequest

_HEADER_LENGTH_MAX = 1024
_SIGNATURES_MAX = 16


class SignatureInvalid(BadRequest):
    """The signature is missing, malformed, over other bytes, by an unknown secret, or not from now."""

    code = "signature_invalid"


def verify_stripe_signature(
    *, body: bytes, header: str | None, secrets: Sequence[str], now: datetime, tolerance_seconds: int
) -> None:
    """Return if any `v1` in `header` is the HMAC-SHA-256 of `<t>.<body>` under any secret, and `t` is within the tolerance.

    Both directions count: a timestamp from the future is as wrong as an old one. Raises SignatureInvalid.
    """
    timestamp, candidates = _parse(header)
    age_seconds = now.timestamp() - timestamp
    if abs(age_seconds) > tolerance_seconds:
        raise SignatureInvalid(
            f"the signature's timestamp is {round(age_seconds)} s old; {tolerance_seconds} s are allowed"
        )
    signed = b"%d.%b" % (timestamp, body)
    expected = [hmac.digest(secret.encode(), signed, "sha256").hex().encode() for secret in secrets]
    # Every pair is compared, so that the time taken tells nothing about which one matched.
    matches = [hmac.compare_digest(ours, theirs) for ours in expected for theirs in candidates]
    if not any(matches):
        raise SignatureInvalid("no signature in the Stripe-Signature header matches the body")


def _parse(header: str | None) -> tuple[int, list[bytes]]:
    if not header:
        raise SignatureInvalid("the Stripe-Signature header is missing")
    if len(header) > _HEADER_LENGTH_MAX:
        raise SignatureInvalid(f"the Stripe-Signature header is longer than {_HEADER_LENGTH_MAX} characters")
    parts = [part.strip().partition("=") for part in header.split(",")]
    timestamps = [value for name, _, value in parts if name == "t"]
    candidates = [value.encode("utf-8", "surrogateescape") for name, _, value in parts if name == "v1"]
    if len(timestamps) != 1 or not (timestamps[0].isascii() and timestamps[0].isdigit() and len(timestamps[0]) <= 12):
        raise SignatureInvalid("the Stripe-Signature header takes exactly one t=<seconds>")
    if not 0 < len(candidates) <= _SIGNATURES_MAX:
        raise SignatureInvalid(f"the Stripe-Signature header takes 1 to {_SIGNATURES_MAX} v1=<signature>")
    return int(timestamps[0]), candidates
