"""Process: send one due event to one endpoint.

The claim is a committed lease; the request goes out with no transaction open; then one transaction writes what came of it. A
process that dies between the receiver's answer and that transaction leaves the lease to run out, and the event is sent again:
at least once, under the same `webhook-id`, by which receivers recognise it.
"""

import json
import time
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from billing import leases
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.hints import Hint
from billing.metrics import WORK
from billing.outgoing.claim import claim_delivery, due_count
from billing.outgoing.endpoints import signing_secrets
from billing.outgoing.exchange import ExchangeFailed, post
from billing.outgoing.outcome import Attempt, give_up, record_attempt
from billing.outgoing.representation import DELIVERY_PREFIX, ENDPOINT_PREFIX, EVENT_PREFIX
from billing.outgoing.resolve import Resolve, resolve_host
from billing.outgoing.signing import signature_header
from billing.outgoing.target import TargetRefused, parse_target
from billing.runtime import Runtime
from billing.timestamps import iso
from billing.unit_of_work import hint_after_commit
from models.ids import public_id
from models.outbox import OutboxEvent
from models.webhook_delivery import WebhookDelivery
from models.webhook_endpoint import WebhookEndpoint

USER_AGENT = "billing-service-webhooks/1"
log = structlog.get_logger(__name__)


def deliver_next(runtime: Runtime, *, now: Callable[[], datetime], resolve: Resolve = resolve_host) -> str | None:
    """Send the next event that is due and return how its delivery then stands; None when none may be sent."""
    with runtime.transaction() as session:
        claimed = claim_delivery(session)
        if claimed is None:
            return None
        if due_count(session, up_to=1):
            hint_after_commit(session, Hint.OUTGOING)  # somebody else begins with it meanwhile
        endpoint = session.get_one(WebhookEndpoint, claimed.endpoint_id)
        event = session.get_one(OutboxEvent, claimed.event_id)
    with structlog.contextvars.bound_contextvars(
        endpoint_id=public_id(ENDPOINT_PREFIX, endpoint.id),
        delivery_id=public_id(DELIVERY_PREFIX, claimed.id),
        event_id=public_id(EVENT_PREFIX, event.id),
        event_type=event.type,
        customer_id=public_id(CUSTOMER_PREFIX, event.customer_id) if event.customer_id else None,
    ):
        try:
            end = _deliver(runtime, claimed, endpoint, event, now=now, resolve=resolve)
        except leases.LeaseLost:
            log.warning("webhook_delivery.lease_lost")
            end = "lease_lost"
    WORK.labels(table="webhook_deliveries", kind=event.type, outcome=end).inc()
    return end


def message_body(event: OutboxEvent) -> bytes:
    """Return what is sent of an event: compact JSON, the same bytes at each attempt."""
    message = {
        "id": public_id(EVENT_PREFIX, event.id),
        "type": event.type,
        "timestamp": iso(event.created_at),
        "data": event.payload,
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def message_headers(*, message_id: str, body: bytes, secrets: Sequence[bytes], now: datetime) -> dict[str, str]:
    """Return the headers of one attempt at `now`."""
    timestamp = int(now.timestamp())
    return {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature_header(secrets=secrets, message_id=message_id, timestamp=timestamp, body=body),
    }


def _deliver(
    runtime: Runtime,
    claimed: WebhookDelivery,
    endpoint: WebhookEndpoint,
    event: OutboxEvent,
    *,
    now: Callable[[], datetime],
    resolve: Resolve,
) -> str:
    if leases.died_too_often(claimed):
        with runtime.transaction() as session:
            end = give_up(session, claimed=claimed, reason="worker_died")
        log.error("webhook_delivery.dead", reason="workers died while they sent it")
        return end
    attempt = _attempt(runtime, endpoint, event, now=now, resolve=resolve)
    with runtime.transaction() as session:
        end = record_attempt(session, claimed=claimed, attempt=attempt, now=now())
    log.info(
        "webhook_delivery.attempted",
        status=end,
        answered=attempt.status_code,
        error=attempt.error,
        milliseconds=attempt.duration_ms,
    )
    return end


def _attempt(
    runtime: Runtime,
    endpoint: WebhookEndpoint,
    event: OutboxEvent,
    *,
    now: Callable[[], datetime],
    resolve: Resolve,
) -> Attempt:
    """Send the event once. What goes wrong here is the attempt's outcome; it is counted, and tried again later."""
    started_at, started = now(), time.monotonic()
    settings = runtime.settings
    allow_private = settings.OUTGOING_WEBHOOKS_ALLOW_PRIVATE
    try:
        body = message_body(event)
        headers = message_headers(
            message_id=public_id(EVENT_PREFIX, event.id),
            body=body,
            secrets=signing_secrets(endpoint, keys=settings.encryption_keys, now=started_at),
            now=started_at,
        )
        target = parse_target(endpoint.url, allow_private=allow_private)
        answer = post(target, headers=headers, body=body, allow_private=allow_private, resolve=resolve)
    except (ExchangeFailed, TargetRefused) as failure:
        return Attempt(started_at, _milliseconds(started), error=failure.code)
    except Exception:
        log.exception("webhook_delivery.crashed")
        return Attempt(started_at, _milliseconds(started), error="internal_error")
    return Attempt(
        started_at,
        _milliseconds(started),
        status_code=answer.status,
        retry_after=answer.retry_after,
        answer=answer.excerpt,
    )


def _milliseconds(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
