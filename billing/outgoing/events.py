"""Use cases around our own events: find one, and delete those whose time is over."""

from datetime import datetime, timedelta

from sqlalchemy import delete, exists, or_, select
from sqlalchemy.orm import Session

from billing.errors import NotFound
from billing.outgoing.representation import EVENT_PREFIX
from models.ids import MalformedId, row_id
from models.outbox import OutboxDelivery, OutboxEvent
from models.webhook_delivery import WebhookAttempt, WebhookDelivery, WebhookStatus

KEPT_FOR = timedelta(days=90)
PURGE_BATCH = 1_000
_UNSYNCHRONIZED = {"synchronize_session": False}


class OwnEventNotFound(NotFound):
    """There is no such event of ours, or its 90 days are over."""

    code = "own_event_not_found"


def find_own_event(session: Session, *, public: str) -> OutboxEvent:
    """Return the event. Raises OwnEventNotFound."""
    try:
        event = session.get(OutboxEvent, row_id(EVENT_PREFIX, public))
    except MalformedId:
        event = None
    if event is None:
        raise OwnEventNotFound(f"there is no event {public!r}")
    return event


def purge_old_events(session: Session, *, now: datetime) -> int:
    """Delete up to PURGE_BATCH events older than KEPT_FOR with their deliveries, and return how many.

    One of which somebody has yet to be told is kept.
    """
    owed_outside = exists().where(
        WebhookDelivery.event_id == OutboxEvent.id, WebhookDelivery.status == WebhookStatus.PENDING
    )
    owed_inside = exists().where(OutboxDelivery.event_id == OutboxEvent.id, OutboxDelivery.next_attempt_at.is_not(None))
    old = session.scalars(
        select(OutboxEvent.id)
        .where(OutboxEvent.created_at < now - KEPT_FOR, ~or_(owed_outside, owed_inside))
        .order_by(OutboxEvent.created_at)
        .limit(PURGE_BATCH)
    ).all()
    if not old:
        return 0
    deliveries = select(WebhookDelivery.id).where(WebhookDelivery.event_id.in_(old))
    for statement in (
        delete(WebhookAttempt).where(WebhookAttempt.delivery_id.in_(deliveries)),
        delete(WebhookDelivery).where(WebhookDelivery.event_id.in_(old)),
        delete(OutboxDelivery).where(OutboxDelivery.event_id.in_(old)),
        delete(OutboxEvent).where(OutboxEvent.id.in_(old)),
    ):
        session.execute(statement, execution_options=_UNSYNCHRONIZED)
    return len(old)
