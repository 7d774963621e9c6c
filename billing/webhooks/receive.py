"""Use case: store a verified event, once."""

import json
from datetime import datetime

from sqlalchemy import Connection

from billing.errors import BadRequest
from billing.webhooks.event import GatewayEvent
from models.ids import new_id
from models.inbox_event import InboxStatus

STRIPE = "stripe"
# As text for the driver: this is the busiest statement there is, and building it anew each time costs as much as running it.
_STORE = """
    INSERT INTO inbox_events (id, source, external_id, type, livemode, payload, status, received_at)
    VALUES (%(id)s, %(source)s, %(external_id)s, %(type)s, %(livemode)s, %(payload)s, %(status)s, %(received_at)s)
    ON CONFLICT (source, external_id) DO NOTHING
    RETURNING id
"""


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
        "payload": json.dumps(event.payload),
        "status": str(InboxStatus.RECEIVED),
        "received_at": now,
    }
    return connection.exec_driver_sql(_STORE, values).first() is not None
