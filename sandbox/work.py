"""One unit of work: a transaction together with the moment, the cards and the cause that its changes share."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.cards import CardCatalog
from sandbox.events.record import Cause, EventRecorder
from sandbox.json_types import Json
from sandbox.state.jobs import JobKind, schedule
from sandbox.state.store import Transaction
from sandbox.wire.errors import no_such

# What Stripe calls each kind in "No such …", where that is not the name of the kind.
_NOUNS = {
    "payment_method": "PaymentMethod",
    "setup_intent": "setupintent",
    "balance_transaction": "balance transaction",
    "webhook_endpoint": "webhook endpoint",
}


@dataclass(frozen=True, slots=True)
class Work:
    """What every behaviour needs: where objects are, what time it is, how cards behave, and who asked."""

    transaction: Transaction
    now: float
    cards: CardCatalog
    base_url: str
    cause: Cause
    recorder: EventRecorder

    @property
    def created(self) -> int:
        """Return the moment as Stripe writes it: whole seconds since the epoch."""
        return int(self.now)

    @property
    def year_and_month(self) -> tuple[int, int]:
        """Return the calendar's year and month, in UTC."""
        moment = datetime.fromtimestamp(self.now, UTC)
        return moment.year, moment.month

    def find(self, kind: str, object_id: str, /) -> Json | None:
        """Return the object, or None."""
        return self.transaction.find(kind=kind, object_id=object_id)

    def get(self, kind: str, object_id: str, /, *, param: str) -> Json:
        """Return the object. Raises ApiError (404) that names the parameter when there is none."""
        found = self.find(kind, object_id)
        if found is None:
            raise no_such(noun=_NOUNS.get(kind, kind), object_id=object_id, param=param)
        return found

    def add(self, body: Json, /, *, event: str | None = None) -> Json:
        """Store a new object and, where given, the event that tells of it."""
        self.transaction.add(body=body)
        if event is not None:
            self.emit(event, body)
        return body

    def save(self, body: Json, /, *, event: str | None = None, tells_difference: bool = False) -> Json:
        """Store a changed object and, where given, the event that tells of it (with what it was before)."""
        before = self.transaction.as_stored(body=body) if tells_difference else None
        self.transaction.save(body=body)
        if event is not None:
            self.emit(event, body, before=before)
        return body

    def emit(self, event_type: str, body: Json, /, *, before: Json | None = None) -> None:
        """Record an event about an object as it is now."""
        self.recorder.record(event_type=event_type, body=body, before=before)

    def later(self, kind: JobKind, object_id: str, /, *, seconds: float) -> None:
        """Schedule work on an object."""
        schedule(transaction=self.transaction, kind=kind, object_id=object_id, due_at=self.now + seconds)
