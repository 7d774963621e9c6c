"""Process: what a customer has, as it is at a time: what has ended by then does not count, whether anybody ended it or not."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from billing.credits.accounts import open_account
from billing.credits.journal import instant, milliseconds
from billing.credits.places import place_of
from billing.credits.scripts import Script
from billing.credits.server import CreditsUnavailable
from billing.runtime import Runtime
from models.credits import GrantKind

# What ends within this time is called expiring.
SOON = timedelta(days=30)
_TRIES_MAX = 3


class GrantLeft(NamedTuple):
    """What a grant has left; grants come in the order in which they are spent."""

    id: UUID
    kind: GrantKind
    remaining: int
    expires_at: datetime | None
    priority: int


class Balance(NamedTuple):
    """An account: what can be spent, what holds reserve, what is owed, and the grants behind it."""

    customer_id: UUID
    seq: int
    balance: int
    held: int
    debt: int
    unlimited: bool
    grants: Sequence[GrantLeft]
    as_of: datetime

    def expiring(self, *, within: timedelta) -> int:
        """Return how much of the balance ends within a time."""
        ends = self.as_of + within
        return sum(
            grant.remaining for grant in self.grants if grant.expires_at is not None and grant.expires_at <= ends
        )


def read_balance(runtime: Runtime, *, customer_id: UUID, now: datetime) -> Balance:
    """Return the account at `now`; of a customer on a test clock, at the clock's time.

    Raises CustomerNotFound, CreditsUnavailable.
    """
    for _ in range(_TRIES_MAX):
        place = place_of(runtime, customer_id, now=now)
        text = runtime.credits.run(Script.LOOK, [place.account], [milliseconds(place.now), str(customer_id)])
        if text is not None:
            return _balance(customer_id, json.loads(text), place.now)
        open_account(runtime, customer_id, now=now)
    raise CreditsUnavailable("the account is gone again and again")


def _balance(customer_id: UUID, raw: dict[str, object], now: datetime) -> Balance:
    grants = raw["grants"] if isinstance(raw["grants"], list) else []  # a script writes an empty list as an object
    return Balance(
        customer_id=customer_id,
        seq=int(str(raw["seq"])),
        balance=int(str(raw["balance"])),
        held=int(str(raw["held"])),
        debt=int(str(raw["debt"])),
        unlimited=bool(raw["unlimited"]),
        grants=[
            GrantLeft(UUID(id_), GrantKind(kind), int(left), instant(expires) if expires else None, int(priority))
            for id_, left, expires, priority, _created, kind, *_origin in grants
        ],
        as_of=now,
    )
