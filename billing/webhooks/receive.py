"""Use case: store verified events, each once."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import psycopg

from billing.errors import BadRequest
from billing.webhooks.event import GatewayEvent
from models.ids import new_id
from models.inbox_event import InboxStatus

STRIPE = "stripe"
# For the driver itself: this is the busiest statement there is.
_STORE = """
    INSERT INTO inbox_events (id, source, external_id, type, livemode, payload, status, received_at)
    SELECT event.id, %(source)s, event.external_id, event.type, %(livemode)s, event.payload::jsonb, %(status)s, event.received_at
    FROM unnest(%(ids)s::uuid[], %(external_ids)s::text[], %(types)s::text[], %(payloads)b::text[], %(times)s::timestamptz[])
        AS event (id, external_id, type, payload, received_at)
    ON CONFLICT (source, external_id) DO NOTHING
    RETURNING id
"""


class EventOfOtherMode(BadRequest):
    """A test event came to a live installation, or a live one to a test installation."""

    code = "event_of_other_mode"


class Received(NamedTuple):
    """An event, and when it came."""

    event: GatewayEvent
    at: datetime


def require_mode(event: GatewayEvent, *, livemode: bool) -> None:
    """Raise EventOfOtherMode unless the event is of this installation's mode."""
    if event.livemode != livemode:
        raise EventOfOtherMode(f"this installation is {'live' if livemode else 'test'}, the event is not")


def store_events(connection: psycopg.Connection, received: Sequence[Received], *, livemode: bool) -> list[bool]:
    """Store events of this mode; return for each whether it is new, False where it was stored before.

    One statement: a delivery that races waits for the other and then finds it. Taken in the order of their names, so that two
    who store the same events never wait for each other.
    """
    ids = [new_id() for _ in received]
    rows = sorted(zip(ids, received, strict=True), key=lambda row: row[1].event.id)
    values = {
        "source": STRIPE,
        "livemode": livemode,
        "status": str(InboxStatus.RECEIVED),
        "ids": [id_ for id_, _ in rows],
        "external_ids": [event.id for _, (event, _) in rows],
        "types": [event.type for _, (event, _) in rows],
        "payloads": [json.dumps(event.payload) for _, (event, _) in rows],
        "times": [at for _, (_, at) in rows],
    }
    stored = {id_ for (id_,) in connection.execute(_STORE, values)}
    return [id_ in stored for id_ in ids]
