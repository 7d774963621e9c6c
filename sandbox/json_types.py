"""The shape of what travels as JSON, and its compact text."""

import json
from typing import Any

# A JSON object as Stripe defines it at run time; the constructors in `sandbox.objects` say which fields it has.
Json = dict[str, Any]

_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def to_text(value: Any, /) -> str:
    """Return a value as compact JSON."""
    return _ENCODER.encode(value)
