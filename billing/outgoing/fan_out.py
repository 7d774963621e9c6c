"""Use case: note, in the transaction of an event, which endpoints are to hear of it.

An event that is committed is therefore owed to each endpoint that there was, whatever dies afterwards; one that is rolled back
is owed to nobody. An endpoint that is off gets a delivery that is `skipped`, which can be asked for again.
"""

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from billing.event_types import EVERY_TYPE
from billing.hints import Hint
from billing.outgoing.lanes import lock_lane
from billing.unit_of_work import hint_after_commit
from models.ids import new_id
from models.outbox import OutboxEvent
from models.webhook_delivery import WebhookDelivery, WebhookStatus
from models.webhook_endpoint import EndpointStatus, WebhookEndpoint


def fan_out(session: Session, *, event: OutboxEvent) -> None:
    """Add a delivery of a flushed event for each endpoint that wants to hear of its type."""
    # A key-share lock, as the deliveries' foreign key takes it: an endpoint is not deleted or switched off meanwhile.
    subscribed = session.execute(
        select(WebhookEndpoint.id, WebhookEndpoint.status)
        .where(WebhookEndpoint.deleted_at.is_(None), WebhookEndpoint.events.overlap([event.type, EVERY_TYPE]))
        .order_by(WebhookEndpoint.id)
        .with_for_update(read=True, key_share=True)
    ).all()
    if not subscribed:
        return
    lane = event.customer_id or event.id
    lock_lane(session, lane=lane)
    waiting = set(
        session.scalars(
            select(WebhookDelivery.endpoint_id).where(
                WebhookDelivery.endpoint_id.in_([endpoint.id for endpoint in subscribed]),
                WebhookDelivery.lane == lane,
                WebhookDelivery.next_attempt_at.is_not(None),
            )
        )
    )
    enabled = {endpoint.id for endpoint in subscribed if endpoint.status is EndpointStatus.ENABLED}
    rows = [
        {
            "id": new_id(),
            "event_id": event.id,
            "endpoint_id": endpoint.id,
            "lane": lane,
            "status": WebhookStatus.PENDING if endpoint.id in enabled else WebhookStatus.SKIPPED,
            "next_attempt_at": func.now() if endpoint.id in enabled - waiting else None,
            "created_at": event.created_at,
        }
        for endpoint in subscribed
    ]
    session.execute(insert(WebhookDelivery).values(rows))
    if enabled - waiting:
        hint_after_commit(session, Hint.OUTGOING)
