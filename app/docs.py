"""`/openapi.json`, and the pages under `/docs`: all from this server, so that they work without the internet."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask_openapi_swagger
from flask import Blueprint, Response, render_template, send_from_directory

from app.edge import Access, Idempotency, json_response
from app.error_catalogue import error_catalogue
from app.problems import MEDIA_TYPE
from app.security_headers import PAGE_HEADERS

_SWAGGER = Path(flask_openapi_swagger.__file__).parent / "templates" / "swagger"
_ASSETS = {
    "swagger-ui.css": _SWAGGER / "css",
    "swagger-ui-bundle.js": _SWAGGER / "js",
    "docs.css": Path(__file__).parent / "static",
    "docs.js": Path(__file__).parent / "static",
    "icon.svg": Path(__file__).parent / "static",
}
AccessOf = Callable[[str, str], Access | None]


def docs_blueprint(document: Callable[[], dict[str, Any]]) -> Blueprint:
    """Return the public routes; `document` gives the OpenAPI document."""
    blueprint = Blueprint("docs", __name__, template_folder="templates")

    @blueprint.get("/openapi.json")
    def openapi() -> Response:
        return json_response(document())

    @blueprint.get("/docs")
    def docs() -> Response:
        return Response(render_template("docs.html"), headers=PAGE_HEADERS)

    @blueprint.get("/docs/errors")
    def errors() -> Response:
        return Response(render_template("errors.html", errors=error_catalogue()), headers=PAGE_HEADERS)

    @blueprint.get("/docs/assets/<name>")
    def asset(name: str) -> Response:
        return send_from_directory(_ASSETS.get(name, Path(__file__).parent / "static"), name)

    return blueprint


def finish_document(generated: dict[str, Any], *, access_of: AccessOf) -> dict[str, Any]:
    """Return the generated document with what the generator cannot know of each route.

    That is the headers that its requests may carry; and it is taken back that routes which check nothing answer 422.
    """
    document = copy.deepcopy(generated)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            access, responses = access_of(path, method), operation["responses"]
            headers = []
            if access is not None and access.idempotency is not Idempotency.NONE:
                headers.append({**_IDEMPOTENCY_KEY, "required": access.idempotency is Idempotency.REQUIRED})
            if "202" in responses and responses.keys() & {"200", "201"}:
                headers.append(_PREFER)
            if headers:
                operation.setdefault("parameters", []).extend(headers)
            if MEDIA_TYPE not in responses.get("422", {}).get("content", {MEDIA_TYPE: {}}):
                del responses["422"]
    return document


_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "One value for each wish; the same value with the same request gives the same answer for 24 h.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`wait=N` holds the answer until the outcome is known, for N ≤ 30 seconds (RFC 7240).",
    "schema": {"type": "string"},
    "example": "wait=10",
}
