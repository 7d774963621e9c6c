"""What callers, events and the audit log see of webhook endpoints, their deliveries, and events."""

from collections.abc import Sequence

from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.timestamps import iso
from models.ids import public_id
from models.outbox import OutboxEvent
from models.webhook_delivery import WebhookAttempt, WebhookDelivery
from models.webhook_endpoint import WebhookEndpoint

ENDPOINT_PREFIX = "we"
DELIVERY_PREFIX = "wd"
EVENT_PREFIX = "evt"


def endpoint_representation(endpoint: WebhookEndpoint) -> dict[str, object]:
    """Return the endpoint as JSON-like data. `secret` is null but in the answer that shows it, once."""
    return {
        "id": public_id(ENDPOINT_PREFIX, endpoint.id),
        "url": endpoint.url,
        "description": endpoint.description,
        "events": list(endpoint.events),
        "status": str(endpoint.status),
        "disabled_reason": str(endpoint.disabled_reason) if endpoint.disabled_reason else None,
        "disabled_at": iso(endpoint.disabled_at),
        "failing_since": iso(endpoint.failing_since),
        "secret": None,
        "previous_secret_until": iso(endpoint.previous_secret_until),
        "metadata": endpoint.metadata_,
        "created_at": iso(endpoint.created_at),
        "updated_at": iso(endpoint.updated_at),
    }


def delivery_representation(
    delivery: WebhookDelivery, *, event_type: str, attempts: Sequence[WebhookAttempt] | None = None
) -> dict[str, object]:
    """Return the delivery as JSON-like data, with each of its attempts where they are given."""
    shown: dict[str, object] = {
        "id": public_id(DELIVERY_PREFIX, delivery.id),
        "endpoint_id": public_id(ENDPOINT_PREFIX, delivery.endpoint_id),
        "event_id": public_id(EVENT_PREFIX, delivery.event_id),
        "event_type": event_type,
        "status": str(delivery.status),
        "attempts_count": delivery.attempts,
        "last_error": delivery.last_error,
        "next_attempt_at": iso(delivery.next_attempt_at),
        "delivered_at": iso(delivery.delivered_at),
        "created_at": iso(delivery.created_at),
    }
    return shown if attempts is None else {**shown, "attempts": [_attempt(attempt) for attempt in attempts]}


def event_representation(event: OutboxEvent) -> dict[str, object]:
    """Return the event as JSON-like data; `data` is the object as it was when the event happened."""
    return {
        "id": public_id(EVENT_PREFIX, event.id),
        "type": event.type,
        "timestamp": iso(event.created_at),
        "object_type": event.object_type,
        "object_id": event.object_id,
        "customer_id": public_id(CUSTOMER_PREFIX, event.customer_id) if event.customer_id else None,
        "data": event.payload,
    }


def _attempt(attempt: WebhookAttempt) -> dict[str, object]:
    return {
        "at": iso(attempt.at),
        "duration_ms": attempt.duration_ms,
        "status_code": attempt.status_code,
        "error": attempt.error,
        "answer": attempt.answer,
    }
