"""A sandbox in a process of its own, for tests."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import stripe

SECRET_KEY = "sk_test_0123456789abcdefghijklmnop"
_READY_SECONDS = 15.0


class SandboxProcess:
    """Starts, stops, kills and restarts one sandbox on one data directory and port."""

    def __init__(self, *, data_dir: Path, cards: Path | None = None) -> None:
        self.data_dir = data_dir
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._cards = cards
        self._http = stripe.RequestsClient(timeout=20)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        command = [sys.executable, "-m", "sandbox", "serve", "--port", str(self.port), "--data-dir", str(self.data_dir)]
        if self._cards is not None:
            command += ["--cards", str(self._cards)]
        self._process = subprocess.Popen(command, env={**os.environ, "SANDBOX_SECRET_KEY": SECRET_KEY})
        deadline = time.monotonic() + _READY_SECONDS
        while not self._answers():
            assert self._process.poll() is None, f"the sandbox ended with {self._process.returncode}"
            assert time.monotonic() < deadline, "the sandbox did not become ready"
            time.sleep(0.02)

    def stop(self) -> float:
        """Stop with SIGTERM, and return the seconds that it took."""
        return self._end(stop=lambda process: process.terminate())

    def kill(self) -> None:
        self._end(stop=lambda process: process.kill())

    def client(self, *, key: str = SECRET_KEY) -> stripe.StripeClient:
        return stripe.StripeClient(key, base_addresses={"api": self.url}, http_client=self._http, max_network_retries=0)

    def close(self) -> None:
        self.stop()
        self._http.close()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped

    def _end(self, *, stop: Callable[[subprocess.Popen[bytes]], None]) -> float:
        assert self._process is not None
        began = time.monotonic()
        stop(self._process)
        self._process.wait(timeout=10)
        return time.monotonic() - began

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_sandbox/health", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
