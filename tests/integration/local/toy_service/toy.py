"""The processes of the toy service."""

import json
import os
import sys
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOME = Path(os.environ["BILLING_HOME"])


def seen(name: str) -> str | None:
    path = HOME / f"{name}.seen"
    return path.read_text() if path.exists() else None


class Web(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        checks = {"workers": {"queues": {"toy": {"last_seen": seen("worker")}}}, "beat": {"last_seen": seen("beat")}}
        known = self.headers.get("Authorization") == "Bearer bk_test_toy"
        self.send_response(401 if self.path.startswith("/customers") and not known else 200)
        self.end_headers()
        self.wfile.write(json.dumps({"checks": checks}).encode())

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


def main(role: str) -> None:
    if role in {"web", "flower"}:
        port = os.environ["BILLING_SERVICE_PORT" if role == "web" else "FLOWER_PORT"]
        ThreadingHTTPServer(("127.0.0.1", int(port)), Web).serve_forever()
    while True:
        beside = HOME / f"{role}.seen.new"
        beside.write_text(datetime.now(UTC).isoformat())  # noqa: TID251 - a toy has no clock module
        beside.replace(HOME / f"{role}.seen")
        time.sleep(0.1)


if __name__ == "__main__":
    main(sys.argv[1])
