"""Process: where on the credits server a customer's account stands, and what time it is there.

Accounts of customers on a test clock stand under keys of their own, and what falls due of them in a set of their own (ADR 0019).
So an operation on anybody else's account asks nobody whether it is on a clock, and what ends in real time leaves clocks alone.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select

from billing.credits.shards import Shard
from billing.customers.find import CustomerNotFound, require_customer
from billing.customers.representation import PREFIX
from billing.runtime import Runtime
from models.ids import public_id
from models.test_clock import TestClock


class Place(NamedTuple):
    """A customer's shard, the keys of its account and of what falls due of it, and what time it is for the account."""

    customer_id: UUID
    shard: Shard
    account: str
    due: str
    now: datetime

    @classmethod
    def of(cls, customer_id: UUID, *, on_clock: bool, now: datetime) -> "Place":
        """Return the place of an account; `now` is its own time."""
        shard = Shard.of(customer_id)
        if on_clock:
            return cls(customer_id, shard, shard.account_on_clock(customer_id), shard.due_on_clocks, now)
        return cls(customer_id, shard, shard.account(customer_id), shard.due, now)


def place_of(runtime: Runtime, customer_id: UUID, *, now: datetime, hidden_too: bool = False) -> Place:
    """Return the place of one account when it is really `now`, as far as this process knows.

    Raises CustomerNotFound, unless `hidden_too`, for a customer whose test clock is deleted; DatabaseUnavailable.
    """
    place = places_of(runtime, [customer_id], now=now, hidden_too=hidden_too).get(customer_id)
    if place is None:
        raise CustomerNotFound(f"there is no customer {public_id(PREFIX, customer_id)!r}")
    return place


def places_of(
    runtime: Runtime, customers: Collection[UUID], *, now: datetime, hidden_too: bool = False
) -> dict[UUID, Place]:
    """Return the places of some accounts; a hidden customer is missing, unless `hidden_too`.

    Postgres is asked for the time of clocks only, and not at all when nobody is known to be on one.
    """
    clock_of = runtime.on_clocks.among(customers)
    times = _times(runtime, set(clock_of.values()), hidden_too=hidden_too) if clock_of else {}
    found = dict[UUID, Place]()
    for customer_id in customers:
        clock_id = clock_of.get(customer_id)
        if clock_id is None:
            found[customer_id] = Place.of(customer_id, on_clock=False, now=now)
        elif clock_id in times:
            found[customer_id] = Place.of(customer_id, on_clock=True, now=times[clock_id])
    return found


def find_clock_of(runtime: Runtime, customer_id: UUID, *, hidden_too: bool = False) -> None:
    """Ask Postgres whether the customer is on a test clock, so that `place_of` knows it. Raises CustomerNotFound.

    Who finds no account asks by himself; this is for who decides by the time before he looks for the account.
    """
    with runtime.transaction() as session:
        clock_id = require_customer(session, customer_id, hidden_too=hidden_too).test_clock_id
    if clock_id is not None:
        runtime.on_clocks.note(customer_id, clock_id)


def _times(runtime: Runtime, clocks: Collection[UUID], *, hidden_too: bool) -> dict[UUID, datetime]:
    query = select(TestClock.id, TestClock.frozen_time).where(TestClock.id.in_(clocks))
    if not hidden_too:
        query = query.where(TestClock.deleted_at.is_(None))
    with runtime.transaction() as session:
        return {row.id: row.frozen_time for row in session.execute(query)}
