"""Use case: store a verified event, once."""

from datetime import datetime

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from billing.errors import BadRequest
from billing.hints import Hint
from billing.unit_of_work import hint_after_commit
from billing.webhooks.event import GatewayEvent
from models.ids import new_id
from models.inbox_event import InboxEvent, InboxStatus

STRIPE = "stripe"


class EventOfOtherMode(BadRequest):
    """A test event came to a live installation, or a live one to a test installation."""

    code = "event_of_other_mode"


def receive_event(session: Session, *, event: GatewayEvent, livemode: bool, now: datetime) -> bool:
    """Store the event and return True, or return False when it was stored before.

    Raises EventOfOtherMode. One statement: a second delivery that races waits for the first and then finds it.
    """
    if event.livemode != livemode:
        raise EventOfOtherMode(f"this installation is {'live' if livemode else 'test'}, the event is not")
    stored = session.execute(
        insert(InboxEvent)
        .values(
            id=new_id(),
            source=STRIPE,
            external_id=event.id,
            type=event.type,
            livemode=event.livemode,
            payload=event.payload,
            status=InboxStatus.RECEIVED,
            received_at=now,
            next_attempt_at=func.now(),
        )
        .on_conflict_do_nothing(index_elements=["source", "external_id"])
        .returning(InboxEvent.id)
    ).first()
    if stored is None:
        return False
    hint_after_commit(session, Hint.INBOX)
    return True
