"""`/openapi.json`, and the pages under `/docs`: all from this server, so that they work without the internet."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask_openapi_swagger
from flask import Blueprint, Response, render_template, send_from_directory

from app.edge import json_response
from app.error_catalogue import error_catalogue
from app.security_headers import PAGE_HEADERS

_SWAGGER = Path(flask_openapi_swagger.__file__).parent / "templates" / "swagger"
_ASSETS = {
    "swagger-ui.css": _SWAGGER / "css",
    "swagger-ui-bundle.js": _SWAGGER / "js",
    "docs.css": Path(__file__).parent / "static",
    "docs.js": Path(__file__).parent / "static",
}


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


def finish_document(generated: dict[str, Any]) -> dict[str, Any]:
    """Return the generated document with what the generator cannot know: headers that requests may carry, and no extras."""
    document = copy.deepcopy(generated)
    for path in document["paths"].values():
        for method, operation in path.items():
            if method in {"post", "put"} and operation.get("security"):
                operation.setdefault("parameters", []).extend((_IDEMPOTENCY_KEY, _PREFER))
    return document


_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "One value for each wish; the same value with the same request gives the same answer for 24 h. "
    "Required where money moves.",
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
