"""Rule: how an entry of the journal reads, and what it did."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from models.credits import GrantKind, TransactionType

_VERSION_7, _VARIANT = 0x7 << 76, 0b10 << 62


class Position(NamedTuple):
    """Where an entry stands in its shard's stream: the milliseconds and the number of its id. They sort."""

    milliseconds: int
    number: int

    @classmethod
    def parse(cls, text: str) -> "Position":
        """Return the position in a stream's id, `1764043200000-7`."""
        milliseconds, _, number = text.partition("-")
        return cls(int(milliseconds), int(number))

    def __str__(self) -> str:
        return f"{self.milliseconds}-{self.number}"

    def next(self) -> "Position":
        """Return the position right behind this one."""
        return Position(self.milliseconds, self.number + 1)


START = Position(0, 0)


class NewGrant(NamedTuple):
    """A grant that an entry brings; `origin` is the one that it was a part of, None for a new one."""

    id: UUID
    kind: GrantKind
    amount: int
    priority: int
    expires_at: datetime | None
    origin: UUID | None


class Entry(NamedTuple):
    """One operation on one account, as its script wrote it.

    `changes` is what it did to what grants have left and `paid` which grants paid for a use, both {grant: amount}.
    """

    id: UUID
    customer_id: UUID
    seq: int
    type: TransactionType
    amount: int
    at: datetime
    balance: int
    held: int
    debt: int
    unlimited: bool
    operation: str | None
    metadata: dict[str, str]
    actor: str | None
    reference: str | None
    counterpart: UUID | None
    expires_at: datetime | None
    returned: int
    owed: int
    debt_paid: int
    grants: tuple[NewGrant, ...]
    changes: dict[str, int]
    paid: dict[str, int]
    key: str | None
    request: str | None
    answer: list[Any] | None

    @property
    def used(self) -> int:
        """Return how much the entry uses up for good: what counts as usage."""
        return self.amount if self.type in {TransactionType.DEDUCT, TransactionType.CAPTURE} else 0


def read_entry(text: str, *, written: int) -> Entry:
    """Return the entry in the one field of a stream's entry, which the server wrote down at `written` (ms).

    What ended by itself has an id by when it ended. On a test clock that may be any year, so there it is by when that was
    written down: ids of one customer sort by the real time.
    """
    raw = json.loads(text)
    changes = _amounts(raw.get("changes"))
    paid = _amounts(raw.get("paid"))
    if raw["type"] == TransactionType.DEDUCT and not paid:  # what it takes is what pays for it
        paid = {grant: -amount for grant, amount in changes.items()}
    customer_id, seq, at = UUID(raw["customer"]), int(raw["seq"]), instant(raw["at"])
    amount = int(raw["amount"])
    ended = written if raw.get("clock") else int(raw["at"])
    return Entry(
        id=UUID(raw["id"]) if "id" in raw else entry_id(customer_id, seq, milliseconds=ended),
        customer_id=customer_id,
        seq=seq,
        type=TransactionType(raw["type"]),
        amount=amount,
        at=at,
        balance=int(raw["balance"]),
        held=int(raw["held"]),
        debt=int(raw["debt"]),
        unlimited=raw.get("unlimited", False),
        operation=raw.get("operation") or None,
        metadata=json.loads(raw.get("metadata") or "{}"),
        actor=raw.get("actor"),
        reference=raw.get("reference") or None,
        counterpart=UUID(raw["counterpart"]) if "counterpart" in raw else None,
        expires_at=instant(raw["expires"]) if raw.get("expires") else None,
        returned=int(raw.get("returned", 0)),
        owed=int(raw.get("owed", 0)),
        debt_paid=int(raw.get("debt_paid", 0)),
        grants=tuple(_grant(grant, amount=amount) for grant in raw.get("grants") or [raw["grant"]])
        if "grants" in raw or "grant" in raw
        else (),
        changes=changes,
        paid=paid,
        key=raw.get("key"),
        request=raw.get("request"),
        answer=raw.get("answer"),
    )


def entry_id(customer_id: UUID, seq: int, *, milliseconds: int) -> UUID:
    """Return the id of an entry that nobody asked for (what ended by itself): always the same, and it sorts by time."""
    chance = int.from_bytes(sha256(f"{customer_id}:{seq}".encode()).digest()[:10], "big")
    high, low = (chance >> 62) & 0xFFF, chance & ((1 << 62) - 1)
    return UUID(int=(milliseconds << 80) | _VERSION_7 | (high << 64) | _VARIANT | low)


def instant(milliseconds: float) -> datetime:
    """Return the instant of a script's time."""
    return datetime.fromtimestamp(int(milliseconds) / 1000, tz=UTC)


def milliseconds(at: datetime | None) -> int:
    """Return a script's time; 0 for never."""
    return 0 if at is None else round(at.timestamp() * 1000)


def _grant(raw: dict[str, Any], *, amount: int) -> NewGrant:
    return NewGrant(
        id=UUID(raw["id"]),
        kind=GrantKind(raw["kind"]),
        amount=int(raw.get("amount", amount)),
        priority=int(raw["priority"]),
        expires_at=instant(raw["expires"]) if raw["expires"] else None,
        origin=UUID(raw["origin"]) if "origin" in raw else None,
    )


def _amounts(flat: list[Any] | dict[str, Any] | None) -> dict[str, int]:
    """Return {grant: amount} of a flat list; a script writes an empty one as an object."""
    pairs = flat or []
    amounts: dict[str, int] = {}
    for place in range(0, len(pairs), 2):
        grant, amount = pairs[place], int(pairs[place + 1])  # type: ignore[index]  # a list, when it is not empty
        if amount:
            amounts[grant] = amounts.get(grant, 0) + amount
    return amounts
