"""What the generated OpenAPI document does not say by itself, because the generator cannot know it."""

import copy
from typing import Any

from flask import Flask

from app.edge import CSV, Access, Idempotency, access_of
from app.problems import MEDIA_TYPE
from app.schemas.base import METADATA_KEYS_MAX, METADATA_NAMES

AccessByRoute = dict[tuple[str, str], Access]
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "One value for each wish; the same value with the same request gives the same answer for 24 h.",
    # Printable ASCII; spaces around a header's value are not part of it.
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
}
_PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`wait=N` holds the answer until the outcome is known, for N ≤ 30 seconds (RFC 7240).",
    "schema": {"type": "string"},
    "example": "wait=10",
}


def access_by_route(app: Flask) -> AccessByRoute:
    """Return the access that each documented path and method asks for; public ones are not in it."""
    found: AccessByRoute = {}
    for rule in app.url_map.iter_rules():
        access = access_of(app.view_functions[rule.endpoint])
        if access is not None:
            path = rule.rule.replace("<", "{").replace(">", "}")
            found |= {(path, method.lower()): access for method in rule.methods or ()}
    return found


def finish_document(generated: dict[str, Any], *, access: AccessByRoute) -> dict[str, Any]:
    """Return the generated document with what the generator cannot know of each route.

    That is the headers that its requests may carry, and bodies that are not one JSON object. Taken back is that routes which
    check nothing answer 422, and that a body must be sent where nothing in it must be.
    """
    document = copy.deepcopy(generated)
    _say_how_keys_look(document["components"])
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            asked, responses = access.get((path, method)), operation["responses"]
            headers = []
            if asked is not None and asked.idempotency is not Idempotency.NONE:
                headers.append({**_IDEMPOTENCY_KEY, "required": asked.idempotency is Idempotency.REQUIRED})
            if "202" in responses and responses.keys() & {"200", "201"}:
                headers.append(_PREFER)
            if asked is not None and asked.offers_csv:
                responses["200"]["content"][CSV] = {"schema": {"type": "string"}}
            if headers:
                operation.setdefault("parameters", []).extend(headers)
            if MEDIA_TYPE not in responses.get("422", {}).get("content", {MEDIA_TYPE: {}}):
                del responses["422"]
            for content in operation.get("requestBody", {}).get("content", {}).values():
                operation["requestBody"]["required"] = bool(_referred(content["schema"], document).get("required"))
            if asked is not None and asked.body.documented is not None:
                forms = {name: {"schema": schema} for name, schema in asked.body.documented.items()}
                operation["requestBody"] = {"content": forms, "required": True}
    return document


def _say_how_keys_look(part: Any) -> None:
    """Put `propertyNames` back into every schema of metadata: the generator drops the word, because it does not know it."""
    if isinstance(part, dict) and part.get("maxProperties") == METADATA_KEYS_MAX:
        part["propertyNames"] = METADATA_NAMES
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _say_how_keys_look(inner)


def _referred(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = document["components"]["schemas"][name] if name else schema
    return found
