"""HTTP to our own processes: small, and never through a proxy that the user's environment may name."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A status and the parsed JSON body (None where the body is no JSON)."""

    status: int
    body: Any


def get(*, url: str, bearer: str | None = None, timeout_seconds: float = TIMEOUT_SECONDS) -> Answer | None:
    """Return the answer of a GET, or None when nobody answered in time."""
    return _request(method="GET", url=url, bearer=bearer, form=None, timeout_seconds=timeout_seconds)


def post_form(*, url: str, form: Mapping[str, str], bearer: str, timeout_seconds: float) -> Answer | None:
    """Return the answer of a form POST, or None when nobody answered in time."""
    return _request(method="POST", url=url, bearer=bearer, form=form, timeout_seconds=timeout_seconds)


def _request(
    *, method: str, url: str, bearer: str | None, form: Mapping[str, str] | None, timeout_seconds: float
) -> Answer | None:
    parts = urlsplit(url)
    headers = {"Accept": "application/json"}
    if bearer is not None:
        headers["Authorization"] = f"Bearer {bearer}"
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_seconds)
    try:
        connection.request(method, target, body=None if form is None else urlencode(form), headers=headers)
        response = connection.getresponse()
        return Answer(status=response.status, body=_json_or_none(response.read()))
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _json_or_none(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
