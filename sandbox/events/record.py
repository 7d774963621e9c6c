"""Events: written in the transaction of the change that they tell of, together with their deliveries."""

from dataclasses import dataclass

from sandbox.events.modes import DeliveryMode, read_mode
from sandbox.events.queue import enqueue
from sandbox.hidden import without_hidden
from sandbox.identifiers import new_id
from sandbox.json_types import Json
from sandbox.state.lists import ListQuery, read_page
from sandbox.state.store import Transaction

API_VERSION = "2026-10-28.endive"
ENDPOINTS_LIMIT = 16
ANY_EVENT = "*"


@dataclass(frozen=True, slots=True)
class Cause:
    """The request that led to a change; both are None where the sandbox acted by itself."""

    request_id: str | None = None
    idempotency_key: str | None = None


class EventRecorder:
    """Records the events of one transaction; it looks only once for who listens and how events are delivered."""

    def __init__(self, *, transaction: Transaction, cause: Cause, now: float) -> None:
        self._transaction = transaction
        self._cause = cause
        self._now = now
        self._endpoints: list[Json] | None = None
        self._mode = DeliveryMode()

    def record(self, *, event_type: str, body: Json, before: Json | None) -> Json:
        """Store an event about an object and queue it for each endpoint that wants its type."""
        shown = without_hidden(body)
        data: Json = {"object": shown}
        if before is not None:
            data["previous_attributes"] = difference(before=without_hidden(before), after=shown)
        if self._endpoints is None:
            self._endpoints = enabled_endpoints(transaction=self._transaction)
            self._mode = read_mode(transaction=self._transaction)
        listening = [endpoint["id"] for endpoint in self._endpoints if wants(endpoint, event_type=event_type)]
        event = self._transaction.add(
            body={
                "id": new_id(prefix="evt"),
                "object": "event",
                "api_version": API_VERSION,
                "created": int(self._now),
                "data": data,
                "livemode": False,
                "pending_webhooks": len(listening),
                "request": {"id": self._cause.request_id, "idempotency_key": self._cause.idempotency_key},
                "type": event_type,
            }
        )
        enqueue(transaction=self._transaction, event=event, endpoints=listening, mode=self._mode, now=self._now)
        return event


def enabled_endpoints(*, transaction: Transaction) -> list[Json]:
    """Return the enabled endpoints, the oldest first."""
    page = read_page(transaction=transaction, query=ListQuery(kind="webhook_endpoint", limit=ENDPOINTS_LIMIT))
    return [endpoint for endpoint in reversed(page.items) if endpoint["status"] == "enabled"]


def wants(endpoint: Json, /, *, event_type: str) -> bool:
    """Tell whether an endpoint wants events of this type."""
    return not {event_type, ANY_EVENT}.isdisjoint(endpoint["enabled_events"])


def difference(*, before: Json, after: Json) -> Json:
    """Return the earlier values of what changed: of a changed map only its changed entries, None for new ones."""
    earlier: Json = {}
    for name in before.keys() | after.keys():
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        if isinstance(was, dict) and isinstance(now, dict):
            earlier[name] = difference(before=was, after=now)
        else:
            earlier[name] = was
    return earlier
