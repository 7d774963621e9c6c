"""How entries of the journal read, and what is done with those that come twice or not at all."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from billing.credits.journal import Position, entry_id, instant, milliseconds, read_entry
from billing.credits.rows import Gap, sift, usage_rows
from billing.credits.shards import SHARDS, key_digest, new_hold_id, shard_of
from models.ids import first_id_at, id_instant, new_id
from tests.unit.billing.credits.test_bookkeeping import CUSTOMER, T, operation

AT = datetime(2026, 11, 25, 8, tzinfo=UTC)
OTHER = UUID("01a210ee-81b8-77e7-ae6f-eb81fefc7f2f")


def written(**parts: Any) -> str:
    raw = {
        "type": "grant_expired",
        "customer": str(CUSTOMER),
        "seq": 7,
        "at": milliseconds(AT),
        "amount": 5,
        "balance": 1,
        "held": 0,
        "debt": 0,
        "changes": {},  # how a script writes an empty list
        "metadata": "",
    }
    return json.dumps({**raw, **parts})


def test_an_entry_that_nobody_asked_for_has_always_the_same_id_and_it_sorts_by_time() -> None:
    first, second = read_entry(written(), written=0), read_entry(written(), written=0)
    later = read_entry(written(seq=8, at=milliseconds(AT + timedelta(milliseconds=1))), written=0)

    assert first.id == second.id
    assert first.id.version == 7
    assert first_id_at(AT) <= first.id < first_id_at(AT + timedelta(milliseconds=1)) <= later.id
    assert entry_id(CUSTOMER, 7, milliseconds=1) != entry_id(OTHER, 7, milliseconds=1)


def test_what_a_grant_changes_twice_in_one_entry_is_added_up() -> None:
    entry = read_entry(written(changes=["g", -1, "h", 2, "g", -3, "i", 0], paid=["g", 4]), written=0)

    assert entry.changes == {"g": -4, "h": 2}
    assert entry.paid == {"g": 4}
    assert read_entry(written(), written=0).changes == {}


def test_times_are_milliseconds() -> None:
    assert instant(milliseconds(AT)) == AT
    assert milliseconds(None) == 0


def test_positions_sort_as_the_stream_does() -> None:
    assert Position.parse("10-2") < Position.parse("10-10") < Position.parse("11-0")
    assert str(Position.parse("10-2").next()) == "10-3"


def test_a_hold_is_in_its_customers_shard() -> None:
    for _ in range(200):
        customer = new_id()
        hold = new_hold_id(customer)
        assert shard_of(hold) == shard_of(customer) < SHARDS
        assert hold.version == 7


def test_two_callers_who_send_the_same_key_have_two() -> None:
    assert key_digest("k", caller="a") != key_digest("k", caller="b")
    assert key_digest("k", caller="a") == key_digest("k", caller="a")


def test_what_is_known_is_left_out_and_what_is_missing_is_named() -> None:
    entries = [operation(T.GRANT, 1, seq=seq) for seq in (3, 4, 7, 8)]
    others = [operation(T.GRANT, 1, seq=1, customer_id=OTHER)]

    new, gaps = sift([*entries, *others], known={CUSTOMER: 3})

    assert [entry.seq for entry in new] == [4, 7, 8, 1]
    assert gaps == [Gap(CUSTOMER, 4, 7)]


def test_usage_is_what_was_used_up() -> None:
    used = [
        operation(T.DEDUCT, 5, operation="a", metadata={"projectId": "p"}),
        operation(T.CAPTURE, 7, operation="a", metadata={"projectId": "p"}),
        operation(T.DEDUCT, 1, operation="a", metadata={}),
        operation(T.HOLD, 9, operation="a", metadata={}),
        operation(T.GRANT, 9, operation="a", metadata={}),
    ]

    rows = [(row["operation"], row["project"], row["amount"], row["count"]) for row in usage_rows(used)]

    assert rows == [("a", "", 1, 1), ("a", "p", 12, 2)]


def test_what_ended_on_a_test_clock_has_an_id_of_the_real_time() -> None:
    """The time of the clock may be any year; the ids of one customer sort by when it was written down."""
    ended = read_entry(written(clock=True), written=milliseconds(AT) + 5)

    assert id_instant(ended.id) == AT + timedelta(milliseconds=5)
    assert read_entry(written(clock=True), written=milliseconds(AT) + 5).id == ended.id
