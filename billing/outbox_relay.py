"""Process: take due deliveries of the outbox to their consumers.

A consumer may be called again after a crash, so each is harmless to repeat; that it hears of an event at all is what the row
guarantees, and the unique (event, consumer, endpoint) that it hears of it under one delivery.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import structlog

from billing import leases
from billing.customers.gateway_customer import sync_gateway_customer
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.errors import BillingError, Unavailable
from billing.metrics import WORK
from billing.outbox import GATEWAY_CUSTOMER
from billing.runtime import Runtime
from models.ids import public_id
from models.outbox import DeliveryStatus, OutboxDelivery, OutboxEvent

LEASE_SECONDS = 90
BATCH = 8
Consumer = Callable[[Runtime, OutboxEvent, datetime], None]
log = structlog.get_logger(__name__)


def _tell_gateway_customer(runtime: Runtime, event: OutboxEvent, now: datetime) -> None:
    if event.customer_id is not None:
        sync_gateway_customer(runtime, customer_id=event.customer_id, now=now)


CONSUMERS: dict[str, Consumer] = {GATEWAY_CUSTOMER: _tell_gateway_customer}


def relay_batch(runtime: Runtime, *, now: Callable[[], datetime]) -> Counter[str]:
    """Deliver up to BATCH due deliveries and return how many came to which end; empty when none was due."""
    with runtime.transaction() as session:
        claimed = leases.claim(session, OutboxDelivery, limit=BATCH, lease_seconds=LEASE_SECONDS, busy_status=None)
        pairs = [(delivery, session.get_one(OutboxEvent, delivery.event_id)) for delivery in claimed]
    ends: Counter[str] = Counter()
    for delivery, event in pairs:
        customer = public_id(CUSTOMER_PREFIX, event.customer_id) if event.customer_id else None
        with structlog.contextvars.bound_contextvars(
            outbox_event=event.type, consumer=delivery.consumer, customer_id=customer
        ):
            end = _deliver(runtime, delivery, event, now=now)
        WORK.labels(table="outbox_deliveries", kind=delivery.consumer, outcome=end).inc()
        ends[end] += 1
    return ends


def _deliver(runtime: Runtime, delivery: OutboxDelivery, event: OutboxEvent, *, now: Callable[[], datetime]) -> str:
    try:
        if delivery.failures >= leases.FAILURES_MAX:
            return _fail(runtime, delivery, "a worker died while it delivered this", final=True)
        CONSUMERS[delivery.consumer](runtime, event, now())
        return _done(runtime, delivery, now=now)
    except leases.LeaseLost:
        log.warning("outbox.lease_lost")
        return "lease_lost"
    except Unavailable as error:
        return _postpone(runtime, delivery, error)
    except BillingError as error:
        # A refusal stays a refusal, but what was refused may be mended meanwhile (an address, say): count it.
        log.warning("outbox.refused", code=error.code, detail=error.detail)
        return _fail(runtime, delivery, f"{error.code}: {error.detail}")
    except Exception as error:
        log.exception("outbox.failed")
        return _fail(runtime, delivery, type(error).__name__)


def _done(runtime: Runtime, delivery: OutboxDelivery, *, now: Callable[[], datetime]) -> str:
    with runtime.transaction() as session:
        held = leases.hold(session, OutboxDelivery, row_id=delivery.id, lease_token=_token(delivery))
        held.status = DeliveryStatus.DELIVERED
        held.delivered_at = now()
        held.last_error = None
        leases.release(held)
    return str(held.status)


def _postpone(runtime: Runtime, delivery: OutboxDelivery, error: Unavailable) -> str:
    if delivery.postponements >= leases.POSTPONEMENTS_MAX:
        return _fail(runtime, delivery, error.code, final=True)
    with runtime.transaction() as session:
        held = leases.hold(session, OutboxDelivery, row_id=delivery.id, lease_token=_token(delivery))
        held.postponements += 1
        held.last_error = error.code
        leases.return_later(held, pause=leases.postpone_pause(held.postponements))
    log.warning("outbox.postponed", code=error.code, postponements=held.postponements)
    return "postponed"


def _fail(runtime: Runtime, delivery: OutboxDelivery, reason: str, *, final: bool = False) -> str:
    with runtime.transaction() as session:
        held = leases.hold(session, OutboxDelivery, row_id=delivery.id, lease_token=_token(delivery))
        held.failures = max(held.failures, leases.FAILURES_MAX) if final else held.failures + 1
        held.last_error = reason
        if held.failures >= leases.FAILURES_MAX:
            held.status = DeliveryStatus.DEAD
            leases.release(held)
        else:
            held.status = DeliveryStatus.FAILED
            leases.return_later(held, pause=leases.failure_pause(held.failures))
    return str(held.status)


def _token(delivery: OutboxDelivery) -> UUID:
    if delivery.lease_token is None:
        raise ValueError("a delivery is made only under a lease")
    return delivery.lease_token
