"""The store: what commits, what rolls back, and what is forgotten."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.events.modes import DeliveryMode
from sandbox.events.queue import enqueue
from sandbox.events.retention import forget_old
from sandbox.json_types import Json
from sandbox.state.lists import ListQuery, read_page
from sandbox.state.store import Store


def _add_twice(store: Store) -> None:
    with store.transaction() as transaction:
        transaction.add(body=_event(1))
        transaction.add(body=_event(1))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(path=tmp_path / "state.sqlite3")
    yield store
    store.close()


def _event(number: int) -> Json:
    return {"id": f"evt_{number}", "object": "event", "created": number, "type": "customer.created"}


def test_a_failed_transaction_leaves_no_trace(store: Store) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        _add_twice(store)

    assert store.reader().find(kind="event", object_id="evt_1") is None


def test_saving_moves_an_object_in_its_lists(store: Store) -> None:
    with store.transaction() as transaction:
        transaction.add(body={"id": "cus_1", "object": "customer", "created": 1, "email": "a@example.com"})
    with store.transaction() as transaction:
        customer = transaction.find(kind="customer", object_id="cus_1")
        assert customer is not None
        customer["email"] = "b@example.com"
        assert transaction.as_stored(body=customer)["email"] == "a@example.com"
        transaction.save(body=customer)

    for email, found in (("a@example.com", 0), ("b@example.com", 1)):
        query = ListQuery(kind="customer", limit=10, facets={"email": email})
        assert len(read_page(transaction=store.reader(), query=query).items) == found


def test_old_events_are_forgotten_but_none_that_is_on_its_way(store: Store) -> None:
    with store.transaction() as transaction:
        for number in range(10):
            event = transaction.add(body=_event(number))
            endpoints = ["we_1"] if number == 0 else []
            enqueue(transaction=transaction, event=event, endpoints=endpoints, mode=DeliveryMode(), now=0)
        forget_old(transaction=transaction, kept_events=4, kept_deliveries=4, batch=100)

    query = ListQuery(kind="event", limit=100, facets={"type": "customer.created"})
    kept = [event["id"] for event in read_page(transaction=store.reader(), query=query).items]
    assert kept == ["evt_9", "evt_8", "evt_7", "evt_6", "evt_0"]
