"""The product's own receiver of webhooks in the story: takes events on this machine, and believes the signed ones only."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

WAIT_SECONDS = 15.0
POLL_SECONDS = 0.05
_BODY_BYTES_MAX = 1_048_576


class EventMissing(Exception):
    """The event that a step should have caused did not arrive with a right signature."""


class Receiver:
    """Listens on a free port of this machine while the `with` block lasts. `secret` is the endpoint's `whsec_…`."""

    def __init__(self) -> None:
        self.secret = ""
        self._arrived: list[Mapping[str, Any]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(min(int(self.headers["content-length"]), _BODY_BYTES_MAX))
                headers = {name.lower(): value for name, value in self.headers.items()}
                is_right = signature_is_right(headers, body, secret=receiver.secret)
                if is_right:
                    receiver._arrived.append(json.loads(body))
                self.send_response(204 if is_right else 400)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
                """Stay silent: the story tells what arrived."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where the service reaches the receiver."""
        return f"http://127.0.0.1:{self._server.server_port}/webhooks"

    def event(self, *, event_type: str, about: str) -> Mapping[str, Any]:
        """Wait for the event of this type about an object of the service. Raises EventMissing."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            for event in list(self._arrived):
                if event["type"] == event_type and event["data"]["id"] == about:
                    return event
            time.sleep(POLL_SECONDS)
        raise EventMissing(f"{event_type} about {about} did not arrive, signed, within {WAIT_SECONDS:.0f} s")


def signature_is_right(headers: Mapping[str, str], body: bytes, *, secret: str) -> bool:
    """Check the signature as a product would (docs/how-to/receive-webhooks.md), but for the age of the timestamp."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    right = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(signature, f"v1,{right}") for signature in headers["webhook-signature"].split(" "))
