"""Use cases: find deliveries, and have events sent again."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from billing import audit
from billing.actor import Actor
from billing.errors import Conflict, NotFound
from billing.hints import Hint
from billing.outgoing.lanes import lock_lane
from billing.outgoing.representation import DELIVERY_PREFIX, ENDPOINT_PREFIX
from billing.unit_of_work import hint_after_commit
from models.ids import MalformedId, public_id, row_id
from models.webhook_delivery import POSITIONS, WebhookAttempt, WebhookDelivery, WebhookStatus
from models.webhook_endpoint import EndpointStatus, WebhookEndpoint

REDELIVERED_MAX = 100
ATTEMPTS_SHOWN_MAX = 100
# What an endpoint missed; what it took is sent again one by one only.
_MISSED = (WebhookStatus.DEAD, WebhookStatus.SKIPPED)


class DeliveryNotFound(NotFound):
    """There is no such delivery to this endpoint."""

    code = "webhook_delivery_not_found"


class DeliveryPending(Conflict):
    """The delivery is still being tried."""

    code = "webhook_delivery_pending"


class EndpointDisabled(Conflict):
    """The endpoint is off: nothing is sent to it."""

    code = "webhook_endpoint_disabled"


class Redelivered(NamedTuple):
    """How many deliveries will be sent again, and whether more were missed than one request takes."""

    redelivered: int
    has_more: bool


def find_delivery(session: Session, *, endpoint_id: UUID, public: str) -> WebhookDelivery:
    """Return the endpoint's delivery. Raises DeliveryNotFound."""
    try:
        query = select(WebhookDelivery).where(
            WebhookDelivery.id == row_id(DELIVERY_PREFIX, public), WebhookDelivery.endpoint_id == endpoint_id
        )
    except MalformedId:
        raise DeliveryNotFound(f"there is no delivery {public!r}") from None
    delivery = session.scalar(query)
    if delivery is None:
        raise DeliveryNotFound(f"there is no delivery {public!r}")
    return delivery


def attempts_of(session: Session, *, delivery_id: UUID) -> Sequence[WebhookAttempt]:
    """Return the newest attempts of a delivery, oldest first."""
    newest = (
        select(WebhookAttempt)
        .where(WebhookAttempt.delivery_id == delivery_id)
        .order_by(WebhookAttempt.id.desc())
        .limit(ATTEMPTS_SHOWN_MAX)
    )
    return list(reversed(session.scalars(newest).all()))


def redeliver(
    session: Session, *, endpoint: WebhookEndpoint, delivery: WebhookDelivery, actor: Actor, now: datetime
) -> WebhookDelivery:
    """Have one event sent again to a locked endpoint, after what waits there for the same customer.

    Raises DeliveryPending, EndpointDisabled.
    """
    _require_enabled(endpoint)
    lock_lane(session, lane=delivery.lane)
    session.refresh(delivery, with_for_update=True)
    if delivery.status is WebhookStatus.PENDING:
        raise DeliveryPending("the event has not been delivered yet, and is still tried")
    _queue_again(session, delivery)
    _record(session, endpoint, actor=actor, after={"delivery_id": public_id(DELIVERY_PREFIX, delivery.id)}, now=now)
    return delivery


def redeliver_missed(
    session: Session, *, endpoint: WebhookEndpoint, since: datetime, actor: Actor, now: datetime
) -> Redelivered:
    """Have what a locked endpoint missed since an instant sent again, oldest first, REDELIVERED_MAX at a time.

    Raises EndpointDisabled.
    """
    _require_enabled(endpoint)
    found = session.scalars(
        select(WebhookDelivery)
        .where(
            WebhookDelivery.endpoint_id == endpoint.id,
            WebhookDelivery.status.in_(_MISSED),
            WebhookDelivery.created_at >= since,
        )
        .order_by(WebhookDelivery.position)
        .limit(REDELIVERED_MAX + 1)
    ).all()
    missed = found[:REDELIVERED_MAX]
    for lane in sorted({delivery.lane for delivery in missed}):
        lock_lane(session, lane=lane)
    for delivery in missed:
        _queue_again(session, delivery)
    if missed:
        _record(session, endpoint, actor=actor, after={"redelivered": len(missed)}, now=now)
    return Redelivered(len(missed), len(found) > len(missed))


def _require_enabled(endpoint: WebhookEndpoint) -> None:
    if endpoint.status is not EndpointStatus.ENABLED:
        raise EndpointDisabled("the endpoint is off; switch it on first, with status enabled")


def _queue_again(session: Session, delivery: WebhookDelivery) -> None:
    """Put a delivery at the end of its locked lane, with all of its attempts to come."""
    is_waiting = session.scalar(
        select(
            exists().where(
                WebhookDelivery.endpoint_id == delivery.endpoint_id,
                WebhookDelivery.lane == delivery.lane,
                WebhookDelivery.next_attempt_at.is_not(None),
            )
        )
    )
    delivery.status = WebhookStatus.PENDING
    delivery.position = POSITIONS.next_value()
    delivery.attempts = delivery.failures = 0
    delivery.delivered_at = delivery.last_error = None
    delivery.next_attempt_at = None if is_waiting else func.now()
    session.flush()
    session.refresh(delivery)
    hint_after_commit(session, Hint.OUTGOING)


def _record(
    session: Session, endpoint: WebhookEndpoint, *, actor: Actor, after: dict[str, object], now: datetime
) -> None:
    audit.record(
        session,
        actor=actor,
        action="webhook_endpoint.redelivered",
        object_type="webhook_endpoint",
        object_id=public_id(ENDPOINT_PREFIX, endpoint.id),
        before=None,
        after=after,
        now=now,
    )
