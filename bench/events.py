"""Stripe events as they come over the wire: about 3 KB of JSON, each with an id of its own, signed as Stripe signs."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

from bench.http_load import raw_request
from tests.service.world import sign

_BYTES = 3 * 1024


def padded(event: dict[str, Any]) -> dict[str, Any]:
    """Return the event with a text that brings it to 3 KB."""
    missing = _BYTES - len(json.dumps(event))
    event["data"]["object"]["statement_descriptor_suffix"] = "x" * max(0, missing)
    return event


def succeeded_event(*, intent: str, created: int) -> dict[str, Any]:
    """Return a `payment_intent.succeeded` about an intent that nobody here knows."""
    return padded(
        {
            "id": f"evt_{uuid.uuid4().hex}",
            "object": "event",
            "api_version": "2025-09-30.clover",
            "created": created,
            "type": "payment_intent.succeeded",
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": f"req_{uuid.uuid4().hex[:14]}", "idempotency_key": str(uuid.uuid4())},
            "data": {"object": {"id": intent, "object": "payment_intent", "amount": 2000, "currency": "usd"}},
        }
    )


def signed_requests(count: int) -> Iterator[bytes]:
    """Return an iterator over `count` signed deliveries, all made before the first is sent."""
    return iter([delivery(succeeded_event(intent=f"pi_{n}", created=int(time.monotonic()))) for n in range(count)])


def delivery(event: dict[str, Any]) -> bytes:
    """Return the request that delivers an event."""
    body = json.dumps(event).encode()
    headers = {"Content-Type": "application/json", "Stripe-Signature": sign(body)}
    return raw_request("POST", "/webhooks/stripe", headers=headers, body=body)
