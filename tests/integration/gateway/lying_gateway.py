"""A gateway that changes what the sandbox answers, as one that is broken, or was taken over, would."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

Lie = Callable[[Any], Any]
_PASSED_ON = {"authorization", "content-type", "idempotency-key", "stripe-version"}


class LyingGateway:
    """Passes requests on to the sandbox, and gives answers to paths that begin with `about` through `lie`."""

    def __init__(self, sandbox_url: str) -> None:
        self._sandbox_url = sandbox_url
        self.about = "/v1/"
        self.lie: Lie | None = None
        self.url = ""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        answer = httpx.request(
            request.method,
            self._sandbox_url + request.full_path.removesuffix("?"),
            content=request.get_data(),
            headers={name: value for name, value in request.headers.items() if name.lower() in _PASSED_ON},
            verify=False,
        )
        body = answer.content
        if self.lie is not None and request.path.startswith(self.about) and answer.status_code == 200:
            body = json.dumps(self.lie(answer.json())).encode()
        return Response(body, status=answer.status_code, content_type="application/json")


@contextmanager
def lying_gateway(sandbox_url: str) -> Iterator[LyingGateway]:
    """Serve a gateway that tells the truth until it is given a lie."""
    gateway = LyingGateway(sandbox_url)
    server = make_server("127.0.0.1", 0, gateway, threaded=True)
    gateway.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield gateway
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
