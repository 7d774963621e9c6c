import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.webhooks.event import EventMalformed, parse_event

EVENT: dict[str, Any] = {"id": "evt_1", "type": "charge.updated", "livemode": False, "data": {"object": {"id": "ch_1"}}}


def test_an_event_is_read_with_the_whole_of_it() -> None:
    event = parse_event(json.dumps(EVENT).encode())

    assert (event.id, event.type, event.livemode) == ("evt_1", "charge.updated", False)
    assert event.payload == EVENT


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"\xff\xfe{}",
        b'{"id": "\xc3\x28"}',
        b"[" * 100_000,
        json.dumps({**EVENT, "x": float("nan")}).encode(),
        json.dumps(EVENT).replace("false", "Infinity").encode(),
        json.dumps({**EVENT, "x": 1}).replace(": 1}", ": 1e400}").encode(),
    ],
    ids=range(11),
)
def test_what_is_no_json_object_in_utf8_is_refused(body: bytes) -> None:
    with pytest.raises(EventMalformed):
        parse_event(body)


@pytest.mark.parametrize(
    "changed",
    [
        {"id": None},
        {"id": ""},
        {"id": 1},
        {"id": "e" * 256},
        {"type": None},
        {"type": ""},
        {"type": ["charge.updated"]},
        {"livemode": None},
        {"livemode": "false"},
        {"livemode": 0},
        {"data": None},
        {"data": {}},
        {"data": {"object": []}},
    ],
)
def test_an_event_without_its_parts_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(EventMalformed):
        parse_event(json.dumps({**EVENT, **changed}).encode())


def test_what_postgres_cannot_store_is_shown_in_its_place() -> None:
    body = json.dumps({**EVENT, "id": "evt\x00\ud800", "a\x00b": ["c\x00", {"d": "\udfff"}]}).encode()

    event = parse_event(body)

    assert event.id == event.payload["id"] == "evt\N{REPLACEMENT CHARACTER}?"
    assert event.payload["a\N{REPLACEMENT CHARACTER}b"] == ["c\N{REPLACEMENT CHARACTER}", {"d": "?"}]


def test_nesting_has_a_limit() -> None:
    deep: object = 1
    for _ in range(100):
        deep = [deep]

    with pytest.raises(EventMalformed, match="nested deeper"):
        parse_event(json.dumps({**EVENT, "deep": deep}).encode())


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    with pytest.raises(EventMalformed):
        parse_event(body)
