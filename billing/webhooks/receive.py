"""Use case: store a verified event, once."""

from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from billing.errors import BadRequest
from billing.webhooks.event import GatewayEvent
from models.ids import new_id
from models.inbox_event import InboxEvent, InboxStatus

STRIPE = "stripe"
_STORE = (
    insert(InboxEvent.__table__)  # type: ignore[arg-type]  # a mapped class's table is typed as any selectable
    .on_conflict_do_nothing(index_elements=["source", "external_id"])
    .returning(InboxEvent.id)
)


class EventOfOtherMode(BadRequest):
    """A test event came to a live installation, or a live one to a test installation."""

    code = "event_of_other_mode"


def receive_event(connection: Connection, *, event: GatewayEvent, livemode: bool, now: datetime) -> bool:
    """Store the event and return True, or return False when it was stored before.

    Raises EventOfOtherMode. One statement: a second delivery that races waits for the first and then finds it.
    """
    if event.livemode != livemode:
        raise EventOfOtherMode(f"this installation is {'live' if livemode else 'test'}, the event is not")
    values = {
        "id": new_id(),
        "source": STRIPE,
        "external_id": event.id,
        "type": event.type,
        "livemode": event.livemode,
        "payload": event.payload,
        "status": InboxStatus.RECEIVED,
        "received_at": now,
    }
    return connection.execute(_STORE, values).first() is not None
