"""Stripe's form encoding: `a[b][0][c]=1&d[]=2` becomes nested dictionaries.

Arrays stay dictionaries with digits for keys until a parameter's own rule reads them, because the encoding alone
cannot tell `a[0]` the array from `a[0]` the map.
"""

import re
from typing import Any
from urllib.parse import parse_qsl

from sandbox.json_types import Json
from sandbox.wire.errors import ApiError, invalid_request

_FIELDS_LIMIT = 1000
_DEPTH_LIMIT = 8
_KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")


def decode_form(encoded: str) -> Json:
    """Return the nested parameters of a query string or a form body.

    Raises ApiError (400) when it is not such a form, is too large or nests too deeply.
    """
    try:
        pairs = parse_qsl(encoded, keep_blank_values=True, max_num_fields=_FIELDS_LIMIT, errors="strict")
    except (ValueError, UnicodeDecodeError) as error:
        raise invalid_request(message=f"Invalid request body: {error}") from None
    nested: Json = {}
    for key, value in pairs:
        _place(nested, key=key, value=value)
    return nested


def _place(nested: Json, *, key: str, value: str) -> None:
    names = _names(key)
    target = nested
    for name in names[:-1]:
        target = target.setdefault(name or str(len(target)), {})
        if not isinstance(target, dict):
            raise _conflict(key)
    last = names[-1] or str(len(target))
    if isinstance(target.get(last), dict):
        raise _conflict(key)
    target[last] = value


def _names(key: str) -> list[str]:
    """Return the path in a key: `a[b][]` is `["a", "b", ""]`."""
    if "[" not in key and "]" not in key:
        return [key]
    match = _KEY.match(key)
    if match is None:
        raise invalid_request(message=f"Invalid parameter name: {key}", param=key)
    names = [match[1], *(part[:-1] for part in match[2].split("[")[1:])]
    if len(names) > _DEPTH_LIMIT:
        raise invalid_request(message=f"Parameter nests deeper than {_DEPTH_LIMIT} levels: {key}", param=key)
    return names


def _conflict(key: str) -> ApiError:
    return invalid_request(message=f"Parameter is given both as a value and as a map: {key}", param=key)


def as_list(value: Any) -> list[Any] | None:
    """Return the items of an encoded array in the order of their indices, or None where it is no array."""
    if not isinstance(value, dict) or not all(name.isdecimal() for name in value):
        return None
    return [value[name] for name in sorted(value, key=int)]
