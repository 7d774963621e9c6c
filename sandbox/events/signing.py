"""Rule: Stripe's signature of a delivery."""

import hashlib
import hmac


def signature_header(*, secret: str, body: bytes, timestamp: int) -> str:
    """Return the value of `Stripe-Signature`: HMAC-SHA256 with the endpoint's secret over `timestamp.body`."""
    digest = hmac.new(secret.encode(), b"%d." % timestamp + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"
