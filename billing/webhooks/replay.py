"""Use case: let an operator have a stored event handled again."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing import audit
from billing.actor import Actor
from billing.errors import Conflict, NotFound
from billing.hints import Hint
from billing.timestamps import iso
from billing.unit_of_work import hint_after_commit
from models.inbox_event import InboxEvent, InboxStatus

_REPLAYABLE = frozenset({InboxStatus.PROCESSED, InboxStatus.IGNORED, InboxStatus.FAILED, InboxStatus.DEAD})


class EventNotFound(NotFound):
    """No event with this id was delivered to us."""

    code = "event_not_found"


class EventUnderWay(Conflict):
    """The event is being handled, or about to be."""

    code = "event_in_progress"


def find_event(session: Session, *, external_id: str, lock: bool = False) -> InboxEvent:
    """Return the stored event. Raises EventNotFound."""
    query = select(InboxEvent).where(InboxEvent.external_id == external_id)
    event = session.scalar(query.with_for_update() if lock else query)
    if event is None:
        raise EventNotFound(f"there is no event {external_id!r}")
    return event


def replay_event(session: Session, *, external_id: str, actor: Actor, now: datetime) -> InboxEvent:
    """Put a stored event back to `received` with its failures forgotten. Raises EventNotFound, EventUnderWay."""
    event = find_event(session, external_id=external_id, lock=True)
    if event.status not in _REPLAYABLE:
        raise EventUnderWay(f"event {external_id} is {event.status}; wait until it is handled")
    before = str(event.status)
    event.status = InboxStatus.RECEIVED
    event.failures = event.postponements = 0
    event.last_error = event.result = event.processed_at = None
    event.lease_token = None
    event.next_attempt_at = func.now()
    audit.record(
        session,
        actor=actor,
        action="webhook.replayed",
        object_type="webhook_event",
        object_id=external_id,
        before={"status": before},
        after={"status": str(event.status)},
        now=now,
    )
    session.flush()
    hint_after_commit(session, Hint.INBOX)
    return event


def event_representation(event: InboxEvent, *, with_payload: bool) -> dict[str, object]:
    """Return what operators see of a stored event; the payload holds personal data and comes only on its own page."""
    shown: dict[str, object] = {
        "id": event.external_id,
        "source": event.source,
        "type": event.type,
        "status": str(event.status),
        "failures": event.failures,
        "postponements": event.postponements,
        "last_error": event.last_error,
        "result": event.result,
        "received_at": iso(event.received_at),
        "processed_at": iso(event.processed_at),
    }
    return {**shown, "payload": event.payload} if with_payload else shown
