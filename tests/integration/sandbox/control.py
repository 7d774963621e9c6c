"""The control routes, and the pages, as a plain HTTP client sees them."""

import json
import urllib.error
import urllib.parse
import urllib.request
from email.message import Message
from typing import Any, NamedTuple


class Answer(NamedTuple):
    status: int
    headers: Message
    body: str


class Control:
    """Speaks to the routes under /_sandbox/."""

    def __init__(self, *, url: str) -> None:
        self.url = url

    def get(self, path: str, /) -> Any:
        return json.loads(fetch(f"{self.url}/_sandbox{path}").body)

    def post(self, path: str, /, **params: object) -> Any:
        answer = fetch(
            f"{self.url}/_sandbox{path}", data=json.dumps(params).encode(), headers={"content-type": "application/json"}
        )
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def delete(self, path: str, /) -> Any:
        return json.loads(fetch(f"{self.url}/_sandbox{path}", method="DELETE").body)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: object, **_kwargs: object) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects)


def fetch(
    url: str, *, data: bytes | None = None, headers: dict[str, str] | None = None, method: str | None = None
) -> Answer:
    """Make one request; statuses of errors and redirects are answers, too."""
    request = urllib.request.Request(url, data=data, headers=headers or {}, method=method)
    try:
        with _opener.open(request, timeout=10) as answer:
            return Answer(answer.status, answer.headers, answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read().decode())


def submit(url: str, **fields: str) -> Answer:
    """Submit a form."""
    return fetch(url, data=urllib.parse.urlencode(fields).encode())
