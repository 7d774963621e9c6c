"""The health checks of the containers, against a server that answers as the API does."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.architecture.source_tree import ROOT

HEALTH = {
    "checks": {
        "beat": {"status": "silent"},
        "workers": {
            "queues": {"webhooks": {"status": "ok"}, "payments": {"status": "ok"}, "billing": {"status": "silent"}}
        },
    }
}


class Api(BaseHTTPRequestHandler):
    """Answers /health, and /health/ready with a 503."""

    def do_GET(self) -> None:
        body = json.dumps(HEALTH).encode()
        self.send_response(200 if self.path == "/health" else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Keep the test's output free of requests."""


@pytest.fixture
def api_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def exit_code(*arguments: str, api_url: str) -> int:
    return subprocess.run(
        [sys.executable, "-I", ROOT / "deploy" / "healthcheck.py", *arguments],
        env={**os.environ, "HEALTHCHECK_API_URL": api_url, "FLOWER_PORT": "9"},
        capture_output=True,
        timeout=30,
        check=False,
    ).returncode


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ("queues webhooks payments", 0),
        ("queues webhooks billing", 1),
        ("queues nobody-knows", 1),
        ("beat", 1),
        ("ready", 1),
        ("flower", 1),
        ("queues", 2),
        ("", 2),
    ],
)
def test_a_check_tells_by_its_exit_code(api_url: str, check: str, expected: int) -> None:
    assert exit_code(*check.split(), api_url=api_url) == expected


def test_an_api_that_is_away_is_a_failed_check() -> None:
    assert exit_code("beat", api_url="http://127.0.0.1:9") == 1
