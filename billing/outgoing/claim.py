"""Use case: take the next delivery that may be sent.

An endpoint has at most IN_FLIGHT_MAX deliveries under way, so that one whose server hangs does not hold every worker, and
none while it is off or paused. Claims take turns under a lock of their own, which makes that limit exact; a claim is one
statement that looks at one row of each endpoint, however many deliveries wait.
"""

from datetime import timedelta
from uuid import uuid4

from sqlalchemy import ColumnElement, case, func, or_, select, true, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import LateralFromClause

from billing.advisory_locks import AdvisoryLock
from models.webhook_delivery import WebhookDelivery
from models.webhook_endpoint import EndpointStatus, WebhookEndpoint

IN_FLIGHT_MAX = 4
# An exchange ends within 10 s, and its outcome is written in a moment: whoever holds a row longer has died.
LEASE_SECONDS = 30


def claim_delivery(session: Session) -> WebhookDelivery | None:
    """Lease the delivery that has been due the longest at an endpoint that may be asked, or return None.

    A row that still carries a token was left behind by a holder that died; that counts as a failure.
    """
    session.execute(select(func.pg_advisory_xact_lock(AdvisoryLock.OUTGOING_CLAIM)))
    first = _due(limit=1, lock=True)
    chosen = (
        select(first.c.id)
        .select_from(WebhookEndpoint)
        .join(first, true())
        .where(_may_be_asked(), _in_flight() < IN_FLIGHT_MAX)
        .order_by(first.c.next_attempt_at)
        .limit(1)
    )
    return session.scalar(
        update(WebhookDelivery)
        .where(WebhookDelivery.id.in_(chosen.scalar_subquery()))
        .values(
            failures=WebhookDelivery.failures + case((WebhookDelivery.lease_token.is_not(None), 1), else_=0),
            lease_token=uuid4(),
            next_attempt_at=func.now() + timedelta(seconds=LEASE_SECONDS),
        )
        .returning(WebhookDelivery),
        execution_options={"synchronize_session": False},
    )


def due_count(session: Session, *, up_to: int) -> int:
    """Return how many deliveries may be sent now, counted no further than `up_to`."""
    due = _due(limit=up_to, lock=False)
    found = (
        select(due.c.id)
        .select_from(WebhookEndpoint)
        .join(due, true())
        .where(_may_be_asked(), _in_flight() < IN_FLIGHT_MAX)
        .limit(up_to)
    )
    return session.scalar(select(func.count()).select_from(found.subquery())) or 0


def seconds_until_due(session: Session) -> float | None:
    """Return how long it is until a delivery may be sent (0 when one may), or None when none waits."""
    earliest = (
        select(WebhookDelivery.next_attempt_at)
        .where(
            WebhookDelivery.endpoint_id == WebhookEndpoint.id,
            WebhookDelivery.next_attempt_at.is_not(None),
            WebhookDelivery.lease_token.is_(None),
        )
        .order_by(WebhookDelivery.next_attempt_at)
        .limit(1)
        .scalar_subquery()
    )
    # greatest() passes over NULL: an endpoint without a pause counts by its delivery, one without a delivery not at all.
    opens = case((earliest.is_not(None), func.greatest(earliest, WebhookEndpoint.paused_until)))
    seconds = session.scalar(
        select(func.extract("epoch", func.min(opens) - func.now())).where(
            WebhookEndpoint.status == EndpointStatus.ENABLED
        )
    )
    return None if seconds is None else max(0.0, float(seconds))


def _due(*, limit: int, lock: bool) -> LateralFromClause:
    """The deliveries of one endpoint that are due, the longest first."""
    due = (
        select(WebhookDelivery.id, WebhookDelivery.next_attempt_at)
        .where(WebhookDelivery.endpoint_id == WebhookEndpoint.id, WebhookDelivery.next_attempt_at <= func.now())
        .order_by(WebhookDelivery.next_attempt_at)
        .limit(limit)
    )
    return (due.with_for_update(skip_locked=True) if lock else due).correlate(WebhookEndpoint).lateral("due")


def _may_be_asked() -> ColumnElement[bool]:
    return (WebhookEndpoint.status == EndpointStatus.ENABLED) & or_(
        WebhookEndpoint.paused_until.is_(None), WebhookEndpoint.paused_until <= func.now()
    )


def _in_flight() -> ColumnElement[int]:
    return (
        select(func.count())
        .where(
            WebhookDelivery.endpoint_id == WebhookEndpoint.id,
            WebhookDelivery.lease_token.is_not(None),
            WebhookDelivery.next_attempt_at > func.now(),
        )
        .correlate(WebhookEndpoint)
        .scalar_subquery()
    )
