"""`/openapi.json`, and the pages under `/docs`: all from this server, so that they work without the internet."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask_openapi_swagger
from flask import Blueprint, Response, render_template, send_from_directory

from app.edge import json_response
from app.error_catalogue import error_catalogue
from app.security_headers import PAGE_HEADERS

_SWAGGER = Path(flask_openapi_swagger.__file__).parent / "templates" / "swagger"
_OURS = Path(__file__).parent / "static"
_ASSETS = {
    "swagger-ui.css": _SWAGGER / "css",
    "swagger-ui-bundle.js": _SWAGGER / "js",
    "docs.css": _OURS,
    "docs.js": _OURS,
    "icon.svg": _OURS,
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
        return send_from_directory(_ASSETS.get(name, _OURS), name)

    return blueprint
