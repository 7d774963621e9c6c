"""Use case: what keeps the events of one customer in order at an endpoint.

Whoever adds a delivery to a lane, takes one out of it or puts one back does so under the lane's lock, which ends with the
transaction. So positions are given out in the order in which transactions commit, and of what waits in a lane exactly the
first is due. The lock is taken last: after rows of customers, payments and endpoints, before rows of deliveries.
"""

import hashlib
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from billing.hints import Hint
from billing.unit_of_work import hint_after_commit
from models.webhook_delivery import WebhookDelivery, WebhookStatus


def lock_lane(session: Session, *, lane: UUID) -> None:
    """Hold the lane, at whichever endpoint, until the transaction ends."""
    digest = hashlib.sha256(b"webhook lane\x00" + lane.bytes).digest()
    session.execute(select(func.pg_advisory_xact_lock(int.from_bytes(digest[:8], "big", signed=True))))


def move_lane_on(session: Session, *, endpoint_id: UUID, lane: UUID) -> None:
    """Make the first delivery that waits in a locked lane due, now that the one before it is done with."""
    session.flush()
    first = (
        select(WebhookDelivery.id)
        .where(
            WebhookDelivery.endpoint_id == endpoint_id,
            WebhookDelivery.lane == lane,
            WebhookDelivery.status == WebhookStatus.PENDING,
        )
        .order_by(WebhookDelivery.position)
        .limit(1)
    )
    moved = session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.id.in_(first.scalar_subquery()), WebhookDelivery.next_attempt_at.is_(None))
        .values(next_attempt_at=func.now())
        .returning(WebhookDelivery.id),
        execution_options={"synchronize_session": False},
    ).first()
    if moved is not None:
        hint_after_commit(session, Hint.OUTGOING)
