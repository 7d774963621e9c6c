"""What stands between a fuzzer and the API: it counts, keeps requests from waiting, and looks at every answer by itself."""

import io
import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.integration.app.asking import PROBLEM
from tests.service.world import World, sign

# A worker looks at what was asked for after so many requests, so that some of what is asked about has moved on.
_WORK_EVERY = 100
_KEY_LENGTH_MAX = 255
_SIGNATURE_LENGTH_MAX = 1024
_INSIDES = re.compile(
    r"Traceback|File \"|psycopg|sqlalchemy|pydantic|werkzeug|site-packages|127\.0\.0\.1|postgres(ql)?://|redis://"
    r"|\b(SELECT|INSERT INTO|UPDATE|DELETE FROM) .{0,80}\b(FROM|VALUES|SET|WHERE)\b"
)
_PARTS = {"type", "title", "status", "detail", "code", "instance", "request_id"}
StartResponse = Callable[..., Any]
Environ = dict[str, Any]


class Gate:
    """A WSGI application before the service's own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.requests = 0
        self.statuses: Counter[int] = Counter()
        self.faults: list[str] = []
        self._numbers: Iterator[int] = itertools.count(1)
        self._refused: set[tuple[str, str]] = set()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        self._prepare(environ, body)
        status, headers, answer = self._answer(environ, body)
        self._look_at(environ, body, status=status, headers=headers, answer=answer)
        if 200 <= status < 300 and "HTTP_AUTHORIZATION" in environ:
            self._ask_without_a_key(environ, body)
        self.requests += 1
        if self.requests % _WORK_EVERY == 0:
            self.world.work()
        start_response(f"{status} {'-'}", list(headers.items()))
        return [answer]

    def _prepare(self, environ: Environ, body: bytes) -> None:
        # What is asked for would be waited for, for up to 30 s, and nobody works meanwhile.
        environ.pop("HTTP_PREFER", None)
        # A fuzzer sends the same few keys with other bodies, which is refused; a key that can be taken is made its own.
        key = environ.get("HTTP_IDEMPOTENCY_KEY", "")
        if 0 < len(key) <= _KEY_LENGTH_MAX and key.isascii() and key.isprintable():
            environ["HTTP_IDEMPOTENCY_KEY"] = f"{next(self._numbers)}-{key}"[:_KEY_LENGTH_MAX]
        # No fuzzer finds a signature. What is said of a wrong one is in tests/integration/app/test_webhook_intake.py.
        signature = environ.get("HTTP_STRIPE_SIGNATURE", "")
        if environ["PATH_INFO"] == "/webhooks/stripe" and 0 < len(signature) <= _SIGNATURE_LENGTH_MAX:
            environ["HTTP_STRIPE_SIGNATURE"] = sign(body)

    def _answer(self, environ: Environ, body: bytes) -> tuple[int, dict[str, str], bytes]:
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
            started[:] = [int(status.split(maxsplit=1)[0]), dict(headers)]

        parts = self.world.app({**environ, "wsgi.input": io.BytesIO(body)}, start_response)
        answer = b"".join(parts)
        if hasattr(parts, "close"):
            parts.close()
        return started[0], started[1], answer

    def _look_at(self, environ: Environ, body: bytes, *, status: int, headers: dict[str, str], answer: bytes) -> None:
        """Note what is wrong with an answer whatever the document says (SECURITY: errors)."""
        self.statuses[status] += 1
        asked = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} {status}"
        if "X-Request-Id" not in headers:
            self.faults.append(f"{asked}: no request id")
        if status < 400 or environ["REQUEST_METHOD"] == "HEAD":
            return
        if headers.get("Content-Type") != PROBLEM:
            self.faults.append(f"{asked}: {headers.get('Content-Type')} is no problem")
            return
        problem = json.loads(answer)
        if not problem.keys() >= _PARTS or problem["status"] != status:
            self.faults.append(f"{asked}: the problem lacks {_PARTS - problem.keys()}")
        said = json.dumps({name: value for name, value in problem.items() if name != "instance"})
        told = _INSIDES.search(said)
        # The id that was asked for, or the plan that was named, may be any word.
        if told and told.group() not in environ["PATH_INFO"] and told.group().encode() not in body:
            self.faults.append(f"{asked}: tells of our insides: {said[:300]}")

    def _ask_without_a_key(self, environ: Environ, body: bytes) -> None:
        """Ask once more of each route without a key, and with one that nobody made: what needs one refuses both."""
        rule, _ = self.world.app.url_map.bind_to_environ(environ).match(return_rule=True)
        route = (environ["REQUEST_METHOD"], str(rule.rule))
        if route in self._refused:
            return
        self._refused.add(route)
        document = self.world.app.api_doc["paths"].get(rule.rule.replace("<", "{").replace(">", "}"), {})
        secured = bool(document.get(route[0].lower(), {}).get("security"))
        nobody = {name: value for name, value in environ.items() if name != "HTTP_AUTHORIZATION"}
        for other in (nobody, {**environ, "HTTP_AUTHORIZATION": "Bearer bk_test_forged"}):
            status, _, _ = self._answer(other, body)
            if secured and status != 401:
                self.faults.append(f"{route} without a key: {status}")
