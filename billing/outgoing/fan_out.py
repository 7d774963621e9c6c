"""Use case: note, in the transaction of an event, which endpoints are to hear of it.

An event that is committed is therefore owed to each endpoint that there was, whatever dies afterwards; one that is rolled back
is owed to nobody. An endpoint that is off gets a delivery that is `skipped`, which can be asked for again.
"""

from typing import NamedTuple
from uuid import UUID

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

_SUBSCRIPTIONS = "subscriptions"


class Subscription(NamedTuple):
    """An endpoint and what it wants to hear of."""

    endpoint_id: UUID
    events: frozenset[str]
    enabled: bool


def fan_out(session: Session, *, event: OutboxEvent) -> None:
    """Add a delivery of an event for each endpoint that wants to hear of its type."""
    subscribed = [each for each in _subscriptions(session) if not each.events.isdisjoint((event.type, EVERY_TYPE))]
    if not subscribed:
        return
    session.flush()
    lane = event.customer_id or event.id
    lock_lane(session, lane=lane)
    waiting = set(
        session.scalars(
            select(WebhookDelivery.endpoint_id).where(
                WebhookDelivery.endpoint_id.in_([each.endpoint_id for each in subscribed]),
                WebhookDelivery.lane == lane,
                WebhookDelivery.next_attempt_at.is_not(None),
            )
        )
    )
    enabled = {each.endpoint_id for each in subscribed if each.enabled}
    rows = [
        {
            "id": new_id(),
            "event_id": event.id,
            "endpoint_id": each.endpoint_id,
            "lane": lane,
            "status": WebhookStatus.PENDING if each.endpoint_id in enabled else WebhookStatus.SKIPPED,
            "next_attempt_at": func.now() if each.endpoint_id in enabled - waiting else None,
            "created_at": event.created_at,
        }
        for each in subscribed
    ]
    session.execute(insert(WebhookDelivery).values(rows))
    if enabled - waiting:
        hint_after_commit(session, Hint.OUTGOING)


def _subscriptions(session: Session) -> list[Subscription]:
    """Return the endpoints there are, read once in each transaction.

    A key-share lock is held on them until it ends, as the deliveries' foreign key takes it: none is deleted or switched off
    meanwhile.
    """
    held: list[Subscription] | None = session.info.get(_SUBSCRIPTIONS)
    if held is None:
        rows = session.execute(
            select(WebhookEndpoint.id, WebhookEndpoint.events, WebhookEndpoint.status)
            .where(WebhookEndpoint.deleted_at.is_(None))
            .order_by(WebhookEndpoint.id)
            .with_for_update(read=True, key_share=True)
        )
        held = [Subscription(row.id, frozenset(row.events), row.status is EndpointStatus.ENABLED) for row in rows]
        session.info[_SUBSCRIPTIONS] = held
    return held
