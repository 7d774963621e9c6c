"""Use case: write down what came of an attempt, and decide what is next for the delivery and for its endpoint.

Locks are taken in one order: endpoint, lane, delivery.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing import leases
from billing.actor import WORKER
from billing.facts import record_fact
from billing.metrics import ENDPOINTS_SWITCHED_OFF
from billing.outgoing.endpoints import switch_off
from billing.outgoing.lanes import lock_lane, move_lane_on
from billing.outgoing.representation import endpoint_representation
from billing.outgoing.schedule import SWITCHED_OFF_AFTER, asked_pause, endpoint_pause, pause_after
from models.webhook_delivery import WebhookAttempt, WebhookDelivery, WebhookStatus
from models.webhook_endpoint import DisabledReason, EndpointStatus, WebhookEndpoint

GONE = 410
log = structlog.get_logger(__name__)


class Attempt(NamedTuple):
    """One request: when, how long it took, and the answer (`status_code`) or why there was none (`error`)."""

    at: datetime
    duration_ms: int
    status_code: int | None = None
    retry_after: str | None = None
    answer: str | None = None
    error: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the receiver took the event: 2xx, and nothing else."""
        return self.status_code is not None and 200 <= self.status_code < 300

    @property
    def fault(self) -> str:
        """Why it failed, in a word."""
        return self.error or f"status_{self.status_code}"


def record_attempt(session: Session, *, claimed: WebhookDelivery, attempt: Attempt, now: datetime) -> str:
    """Add the attempt and return how its delivery then stands. Raises LeaseLost."""
    endpoint = session.scalars(
        select(WebhookEndpoint).where(WebhookEndpoint.id == claimed.endpoint_id),
        execution_options={"populate_existing": True},
    ).one()
    if not attempt.succeeded or endpoint.failures_in_row:
        _lock(session, endpoint)
    lock_lane(session, lane=claimed.lane)
    delivery = leases.hold(session, claimed)
    delivery.attempts += 1
    delivery.failures = 0
    session.add(
        WebhookAttempt(
            delivery_id=delivery.id,
            at=attempt.at,
            duration_ms=attempt.duration_ms,
            status_code=attempt.status_code,
            error=attempt.error,
            answer=attempt.answer,
        )
    )
    if attempt.succeeded:
        _delivered(session, delivery, endpoint, now=now)
    else:
        asked = asked_pause(status=attempt.status_code or 0, retry_after=attempt.retry_after, now=now)
        _failed(session, delivery, attempt, asked=asked)
        _note_failure(session, endpoint, attempt, asked=asked, now=now)
    return str(delivery.status)


def give_up(session: Session, *, claimed: WebhookDelivery, reason: str) -> str:
    """End a delivery whose holders died again and again. Raises LeaseLost."""
    lock_lane(session, lane=claimed.lane)
    delivery = leases.hold(session, claimed)
    _end(session, delivery, WebhookStatus.DEAD, reason=reason)
    return str(delivery.status)


def _lock(session: Session, endpoint: WebhookEndpoint) -> None:
    """Lock the endpoint against other outcomes, yet not against the events that are being noted for it."""
    session.refresh(endpoint, with_for_update={"key_share": True})


def _delivered(session: Session, delivery: WebhookDelivery, endpoint: WebhookEndpoint, *, now: datetime) -> None:
    delivery.delivered_at = now
    _end(session, delivery, WebhookStatus.DELIVERED, reason=None)
    if endpoint.failures_in_row:
        endpoint.failures_in_row = 0
        endpoint.failing_since = endpoint.paused_until = None


def _failed(session: Session, delivery: WebhookDelivery, attempt: Attempt, *, asked: timedelta | None) -> None:
    pause = pause_after(delivery.attempts)
    if pause is None:
        _end(session, delivery, WebhookStatus.DEAD, reason=attempt.fault)
        return
    delivery.last_error = attempt.fault
    delivery.lease_token = None
    delivery.next_attempt_at = func.now() + max(pause, asked or pause)


def _end(session: Session, delivery: WebhookDelivery, status: WebhookStatus, *, reason: str | None) -> None:
    delivery.status = status
    delivery.last_error = reason
    leases.release(delivery)
    move_lane_on(session, endpoint_id=delivery.endpoint_id, lane=delivery.lane)


def _note_failure(
    session: Session, endpoint: WebhookEndpoint, attempt: Attempt, *, asked: timedelta | None, now: datetime
) -> None:
    endpoint.failures_in_row += 1
    endpoint.failing_since = endpoint.failing_since or attempt.at
    pause = endpoint_pause(failures_in_row=endpoint.failures_in_row, asked=asked)
    if pause is not None:
        endpoint.paused_until = func.now() + pause
    if endpoint.status is not EndpointStatus.ENABLED:
        return
    if attempt.status_code == GONE:
        _switch_off(session, endpoint, reason=DisabledReason.GONE, now=now)
    elif now - endpoint.failing_since >= SWITCHED_OFF_AFTER:
        _switch_off(session, endpoint, reason=DisabledReason.FAILING, now=now)


def _switch_off(session: Session, endpoint: WebhookEndpoint, *, reason: DisabledReason, now: datetime) -> None:
    """Switch the endpoint off, and say so: in an event, in the audit log, in a metric and in a line that wakes somebody."""
    switch_off(endpoint, reason=reason, now=now)
    endpoint.updated_at = now
    session.flush()
    state = endpoint_representation(endpoint)
    record_fact(
        session,
        fact="webhook_endpoint.disabled",
        object_type="webhook_endpoint",
        state=state,
        customer_id=None,
        before={"status": str(EndpointStatus.ENABLED)},
        after={"status": state["status"], "disabled_reason": state["disabled_reason"]},
        actor=WORKER,
        now=now,
    )
    ENDPOINTS_SWITCHED_OFF.labels(reason=str(reason)).inc()
    log.error(
        "webhook_endpoint.disabled",
        endpoint_id=state["id"],
        reason=str(reason),
        mend="mend the receiver, then PUT /webhook-endpoints/:id with status enabled; redeliver what was skipped",
    )
