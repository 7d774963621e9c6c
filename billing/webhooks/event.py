"""Rule: what an event must look like before it is stored."""

import json
import math
import re
from typing import Any, NamedTuple

from billing.errors import BadRequest

_ID_LENGTH_MAX = 255
_DEPTH_MAX = 64
# Postgres stores every character but this one; Stripe never sends it, so nothing is lost by showing that it was there.
# How a NUL, or half a surrogate pair, can stand in JSON: escaped. (UTF-8 holds no halves.)
_NOT_PLAIN = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_NUL, _REPLACEMENT = "\x00", "�"


class EventMalformed(BadRequest):
    """The signed body is not an event."""

    code = "event_malformed"


class GatewayEvent(NamedTuple):
    """A verified event: its id, type, mode, and the whole of it."""

    id: str
    type: str
    livemode: bool
    payload: dict[str, Any]


def parse_event(body: bytes) -> GatewayEvent:
    """Return the event in a verified body. Raises EventMalformed."""
    try:
        payload = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite)
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise EventMalformed("the body is not JSON in UTF-8") from None
    if not isinstance(payload, dict):
        raise EventMalformed("the body is not a JSON object")
    plain = _NOT_PLAIN.search(body) is None and body.count(b"{") + body.count(b"[") <= _DEPTH_MAX
    return read_event(payload, plain=plain)


def read_event(payload: dict[str, Any], *, plain: bool = False) -> GatewayEvent:
    """Return the event in a JSON object that the gateway sent or listed. Raises EventMalformed.

    `plain` says that it is known to nest no deeper than is taken and to hold no character that cannot be stored.
    """
    event_id, type_, livemode = payload.get("id"), payload.get("type"), payload.get("livemode")
    data = payload.get("data")
    if not (isinstance(event_id, str) and 0 < len(event_id) <= _ID_LENGTH_MAX):
        raise EventMalformed("the event has no id")
    if not (isinstance(type_, str) and 0 < len(type_) <= _ID_LENGTH_MAX):
        raise EventMalformed("the event has no type")
    if not isinstance(livemode, bool):
        raise EventMalformed("the event does not say whether it is live")
    if not (isinstance(data, dict) and isinstance(data.get("object"), dict)):
        raise EventMalformed("the event carries no data.object")
    return GatewayEvent(
        id=_storable(event_id, depth=0),
        type=_storable(type_, depth=0),
        livemode=livemode,
        payload=payload if plain else _storable(payload, depth=0),
    )


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):  # 1e400 is JSON, and larger than any number here
        raise ValueError(f"{text} is out of range")
    return number


def _storable(value: Any, *, depth: int) -> Any:
    if depth > _DEPTH_MAX:
        raise EventMalformed(f"the event is nested deeper than {_DEPTH_MAX}")
    if isinstance(value, str):
        return value.replace(_NUL, _REPLACEMENT).encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_storable(key, depth=depth): _storable(item, depth=depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_storable(item, depth=depth + 1) for item in value]
    return value
