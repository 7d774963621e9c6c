"""The queue of deliveries: rows that say which event goes to which endpoint, and how that went."""

from dataclasses import dataclass

from sandbox.events.modes import DeliveryMode, Mode
from sandbox.json_types import Json
from sandbox.state.store import Transaction

# Pauses after a failed attempt: 1 s, 2 s, 4 s … one hour, as often as fits into about three days.
ATTEMPTS_LIMIT = 84
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 3600.0
_PAUSE_DOUBLINGS = 12

# What `Transaction.changed` names when something was queued.
DELIVERY = "delivery"

_COLUMNS = "seq, event, event_type, endpoint, state, alone, attempts, due_at, status, error, finished_at"
_DUE_COLUMNS = ", ".join(f"d.{name}" for name in _COLUMNS.split(", "))


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one endpoint."""

    seq: int
    event: str
    event_type: str
    endpoint: str
    state: str
    alone: int
    attempts: int
    due_at: float
    status: int | None
    error: str | None
    finished_at: float | None


def enqueue(*, transaction: Transaction, event: Json, endpoints: list[str], mode: DeliveryMode, now: float) -> None:
    """Queue a new event for endpoints, as the mode says."""
    if mode.mode is Mode.DROP:
        state = "dropped"
    elif mode.mode in (Mode.HOLD, Mode.REORDER):
        state = "held"
    else:
        state = "pending"
    copies = mode.times if mode.mode is Mode.DUPLICATE else 1
    for endpoint in endpoints:
        for _ in range(copies):
            _insert(transaction, event=event, endpoint=endpoint, state=state, now=now)
    if mode.mode is Mode.REORDER and count_held(transaction=transaction) >= mode.times:
        release(transaction=transaction, newest_first=True, limit=mode.times, now=now)


def enqueue_again(*, transaction: Transaction, event: Json, endpoints: list[str], now: float) -> None:
    """Queue an event once more, at once and whatever the mode."""
    for endpoint in endpoints:
        _insert(transaction, event=event, endpoint=endpoint, state="pending", now=now)


def count_held(*, transaction: Transaction) -> int:
    """Return how many deliveries are held back."""
    (count,) = transaction.sql.execute("SELECT count(*) FROM deliveries WHERE state = 'held'").fetchone()
    return int(count)


def release(*, transaction: Transaction, newest_first: bool, limit: int, now: float) -> int:
    """Let held deliveries go, and return their number.

    Newest first means strictly so: each of them waits until the one before it has been answered.
    """
    rows = transaction.sql.execute(
        f"SELECT seq FROM deliveries WHERE state = 'held' ORDER BY seq {'DESC' if newest_first else 'ASC'} LIMIT ?",  # noqa: S608 - a constant word
        (limit,),
    ).fetchall()
    transaction.sql.executemany(
        "UPDATE deliveries SET state = 'pending', position = ?, alone = ?, due_at = ? WHERE seq = ?",
        [(place, int(newest_first), now, row[0]) for place, row in enumerate(rows)],
    )
    transaction.changed.add(DELIVERY)
    return len(rows)


def take_pending(*, transaction: Transaction, endpoint: str, now: float, limit: int) -> list[tuple[Delivery, str]]:
    """Return what is due for an endpoint, in the order in which it fell due, each with its event's text."""
    rows = transaction.sql.execute(
        f"SELECT {_DUE_COLUMNS}, o.body FROM deliveries d JOIN objects o ON o.id = d.event "  # noqa: S608 - a constant
        "WHERE d.endpoint = ? AND d.state = 'pending' AND d.due_at <= ? ORDER BY d.due_at, coalesce(d.position, d.seq) LIMIT ?",
        (endpoint, now, limit),
    ).fetchall()
    return [(Delivery(*row[:-1]), row[-1]) for row in rows]


def next_due_at(*, transaction: Transaction, endpoint: str) -> float | None:
    """Return when the next delivery to an endpoint is due."""
    (due_at,) = transaction.sql.execute(
        "SELECT min(due_at) FROM deliveries WHERE endpoint = ? AND state = 'pending'", (endpoint,)
    ).fetchone()
    return None if due_at is None else float(due_at)


def record_attempt(
    *, transaction: Transaction, delivery: Delivery, status: int | None, error: str | None, now: float
) -> None:
    """Note how an attempt went: delivered, to be tried again after a pause, or given up."""
    attempts = delivery.attempts + 1
    if error is None:
        state, due_at = "delivered", delivery.due_at
    elif attempts >= ATTEMPTS_LIMIT:
        state, due_at = "failed", delivery.due_at
    else:
        state, due_at = "pending", now + pause_seconds(attempts=attempts)
    transaction.sql.execute(
        "UPDATE deliveries SET state = ?, attempts = ?, due_at = ?, status = ?, error = ?, finished_at = ? "
        "WHERE seq = ? AND state = 'pending'",
        (state, attempts, due_at, status, error, now, delivery.seq),
    )


def pause_seconds(*, attempts: int) -> float:
    """Return the pause after the given number of failed attempts: doubling from a second up to an hour."""
    return min(_FIRST_PAUSE_SECONDS * (1 << min(attempts - 1, _PAUSE_DOUBLINGS)), _LONGEST_PAUSE_SECONDS)


def count_unfinished(*, transaction: Transaction, event_id: str) -> int:
    """Return how many deliveries of an event have not succeeded: its `pending_webhooks`."""
    (count,) = transaction.sql.execute(
        "SELECT count(*) FROM deliveries WHERE event = ? AND state IN ('pending', 'held')", (event_id,)
    ).fetchone()
    return int(count)


def list_deliveries(*, transaction: Transaction, limit: int, event: str | None, state: str | None) -> list[Delivery]:
    """Return deliveries, the newest first."""
    rows = transaction.sql.execute(
        f"SELECT {_COLUMNS} FROM deliveries "  # noqa: S608 - a constant
        "WHERE (?1 IS NULL OR event = ?1) AND (?2 IS NULL OR state = ?2) ORDER BY seq DESC LIMIT ?3",
        (event, state, limit),
    ).fetchall()
    return [Delivery(*row) for row in rows]


def forget_endpoint(*, transaction: Transaction, endpoint: str) -> None:
    """Give up what is still queued for an endpoint that is gone."""
    transaction.sql.execute(
        "UPDATE deliveries SET state = 'dropped' WHERE endpoint = ? AND state IN ('pending', 'held')", (endpoint,)
    )


def _insert(transaction: Transaction, *, event: Json, endpoint: str, state: str, now: float) -> None:
    transaction.sql.execute(
        "INSERT INTO deliveries (event, event_type, endpoint, state, due_at) VALUES (?, ?, ?, ?, ?)",
        (event["id"], event["type"], endpoint, state, now),
    )
    transaction.changed.add(DELIVERY)
