"""Parameters of control routes: JSON or a form, checked by the same rules as the API's own."""

import json
import math
from dataclasses import dataclass
from typing import Any

from sandbox.json_types import Json
from sandbox.wire.errors import invalid_request
from sandbox.wire.forms import decode_form
from sandbox.wire.messages import Request
from sandbox.wire.parameters import Fields

_SECONDS_LIMIT = 600.0


@dataclass(frozen=True, slots=True)
class Seconds:
    """A duration with fractions, up to ten minutes."""

    def read(self, value: Any, *, name: str) -> float:
        """Return the seconds."""
        try:
            seconds = float(value)
        except (TypeError, ValueError):
            seconds = math.nan
        if not 0 <= seconds <= _SECONDS_LIMIT:
            raise invalid_request(
                message=f"Invalid {name}: {value}; it must be a number of seconds from 0 to {_SECONDS_LIMIT:g}.",
                param=name,
            )
        return seconds


def read_control_parameters(*, request: Request, fields: Fields) -> Json:
    """Return the checked parameters of a request. Raises ApiError (400) that names what is wrong."""
    if request.method == "GET":
        given = decode_form(request.query)
    elif "json" in request.headers.get("content-type", "") or request.body.startswith(b"{"):
        given = _decode_json(request.body)
    else:
        given = decode_form(request.body.decode("utf-8", "replace"))
    return fields.read(given, name="") or {}


def _decode_json(body: bytes) -> Json:
    try:
        decoded = json.loads(body or b"{}")
    except ValueError as error:
        raise invalid_request(message=f"The body is no JSON: {error}") from None
    if not isinstance(decoded, dict):
        raise invalid_request(message="The body must be a JSON object.")
    return {name: _as_text(value) for name, value in decoded.items()}


def _as_text(value: Any) -> Any:
    """Return a scalar as the text that a form would carry."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value
