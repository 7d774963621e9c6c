"""Turns templates into answers."""

from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sandbox.wire.messages import Response

_TEMPLATES = Environment(
    loader=PackageLoader("sandbox.pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; "
    "frame-ancestors 'self'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def page(*, template: str, http_status: int = 200, **values: Any) -> Response:
    """Return a page made from a template; every value is escaped."""
    return Response(http_status, _TEMPLATES.get_template(template).render(**values).encode(), _HEADERS)


def stylesheet() -> Response:
    """Return the one stylesheet."""
    text = resources.files("sandbox.pages").joinpath("templates/sandbox.css").read_bytes()
    return Response(200, text, {"content-type": "text/css; charset=utf-8", "cache-control": "max-age=300"})
