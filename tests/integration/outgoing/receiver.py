"""A receiver of webhooks on a socket of its own: keeps what arrives, and answers well, badly, slowly, or not at all."""

import base64
import hashlib
import hmac
import json
import socket
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Behaviour = Callable[["Message", socket.socket], None]


@dataclass(frozen=True)
class Message:
    """A request that arrived."""

    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def customer(self) -> str:
        data = self.json["data"]
        return str(data.get("customer_id") or data["id"])

    def signed_with(self, secret: str) -> bool:
        """Say whether one of the signatures is right, computed here as the specification has it."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        text = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        right = "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        return right in self.headers["webhook-signature"].split(" ")


def answer(status: int, *headers: str, body: str = "") -> Behaviour:
    """Return the behaviour of answering with a status."""
    lines = [f"HTTP/1.1 {status} x", f"content-length: {len(body)}", *headers, "", body]
    raw = "\r\n".join(lines).encode()
    return lambda _, connection: connection.sendall(raw)


class Receiver:
    """Listens on a free port; `behave` decides what each message meets."""

    def __init__(self) -> None:
        self.behave: Behaviour = lambda _, connection: connection.sendall(OK)
        self.messages: list[Message] = []
        self.connections = 0
        self.at_once = self.most_at_once = 0
        self.closing = threading.Event()
        self._lock = threading.Lock()
        receiver = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                receiver._handle(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request: object, client_address: object) -> None:
                """A sender that hangs up is part of the stories."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def events(self, *types: str) -> list[Any]:
        """Return the bodies that arrived, in order."""
        found = [message.json for message in list(self.messages)]
        return [event for event in found if not types or event["type"] in types]

    def _handle(self, connection: socket.socket) -> None:
        with self._lock:
            self.connections += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            message = _read(connection)
            with self._lock:
                self.messages.append(message)
            self.behave(message, connection)
        finally:
            with self._lock:
                self.at_once -= 1


def _read(connection: socket.socket) -> Message:
    with connection.makefile("rb") as stream:
        assert stream.readline().startswith(b"POST /")
        headers = {}
        while (line := stream.readline().strip()) != b"":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return Message(headers, stream.read(int(headers["content-length"])))
