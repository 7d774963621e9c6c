"""A receiver of webhooks: keeps what arrives, and answers as it is told."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import stripe


class Receiver:
    """Listens on a free port of this machine. `statuses` are answered first, one each, then 200."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.secret = ""
        self._arrived: list[tuple[bytes, str]] = []
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = receiver._take(body, self.headers["stripe-signature"])
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    @property
    def port(self) -> int:
        return self._server.server_port

    def events(self, *types: str) -> list[stripe.Event]:
        """Return what has arrived so far, in that order, each with its signature checked by the SDK."""
        with self._lock:
            arrived = list(self._arrived)
        events = [stripe.Webhook.construct_event(body, signature, self.secret) for body, signature in arrived]
        return [event for event in events if not types or event.type in types]

    def _take(self, body: bytes, signature: str) -> int:
        with self._lock:
            self._arrived.append((body, signature))
            return self.statuses.pop(0) if self.statuses else 200
