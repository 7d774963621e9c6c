"""The whole stack as an operator runs it: `billing up` with every real process, once for all tests of this folder."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from local.data_dir import DataDir
from local.leftovers import end_leftovers
from local.ports import free_port

ROOT = Path(__file__).resolve().parents[3]
BILLING = [sys.executable, "-m", "cli.main"]
START_SECONDS_MAX = 120
# Story after story pays for the same few customers; how the limits behave is tested elsewhere.
RAISED_LIMITS = {"PAYMENT_RATE_LIMIT": "100000", "WEBHOOK_RATE_LIMIT": "100000"}


def wait_until(condition: Callable[[], Any], *, seconds: float = 30.0, what: str = "the condition") -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not come about within {seconds} s"
        time.sleep(0.05)
    return found


@dataclass
class LiveStack:
    """A running stack and the words to use it."""

    data_dir: Path
    facts: dict[str, Any]

    def billing(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*BILLING, *arguments, "--data-dir", str(self.data_dir)],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=START_SECONDS_MAX,
            check=False,
        )

    def call(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        sent = {"Authorization": f"Bearer {self.facts['api_key']}", **headers}
        if method == "POST":
            sent.setdefault("Idempotency-Key", os.urandom(8).hex())
        return httpx.request(method, self.facts["api_url"] + path, json=body, headers=sent, timeout=40)

    def customer(self) -> str:
        answer = self.call("POST", "/customers", {"email": "live@example.com"})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def pay(self, customer: str, *, wait: int = 0, card: str = "pm_card_visa") -> httpx.Response:
        body = {
            "customer_id": customer,
            "amount": 2900,
            "currency": "USD",
            "payment_method": card,
            "confirm": True,
        }
        return self.call("POST", "/payments/intent", body, **({"Prefer": f"wait={wait}"} if wait else {}))

    def payment(self, payment_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", f"/payments/{payment_id}").json()
        return found

    def wait_for_payment(self, payment_id: str, status: str = "succeeded", *, seconds: float = 40.0) -> dict[str, Any]:
        def reached() -> dict[str, Any] | None:
            found = self.payment(payment_id)
            return found if found.get("status") == status else None

        payment: dict[str, Any] = wait_until(reached, seconds=seconds, what=f"{payment_id} {status}")
        return payment

    def charges(self, payment: dict[str, Any]) -> list[dict[str, Any]]:
        answer = httpx.get(
            f"{self.facts['stripe_api_base']}/v1/charges",
            params={"payment_intent": payment["gateway_id"]},
            headers={"Authorization": f"Bearer {self.facts['stripe_secret_key']}"},
            timeout=20,
        )
        return [charge for charge in answer.json()["data"] if charge["status"] == "succeeded"]

    def pid(self, name: str) -> int:
        state = json.loads(self.billing("status", "--json").stdout)
        found: int = next(entry["pid"] for entry in state["process_states"] if entry["name"] == name)
        return found

    def kill(self, name: str) -> None:
        """End one process as a power cut would; the supervisor starts another."""
        os.kill(self.pid(name), signal.SIGKILL)

    def wait_until_ready(self) -> None:
        wait_until(lambda: self.billing("status").returncode == 0, seconds=60, what="every process ready")

    @contextmanager
    def frozen(self, *names: str) -> Iterator[None]:
        """Stop processes where they stand, for a while."""
        pids = [self.pid(name) for name in names]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.facts["database_url"], autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()

    def log(self, name: str) -> str:
        return (self.data_dir / "log" / f"{name}.log").read_text(encoding="utf-8", errors="replace")


def environment() -> dict[str, str]:
    """The machine's environment without settings of the service that may be in it."""
    foreign = ("DATABASE_URL", "REDIS_", "CELERY_", "STRIPE_", "BILLING_", "FLOWER_", "PROMETHEUS_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | RAISED_LIMITS


@pytest.fixture(scope="session")
def stack() -> Iterator[LiveStack]:
    directory = Path(tempfile.mkdtemp(prefix="billing-stack-"))
    directory.chmod(0o711)
    arguments = ["--data-dir", str(directory), "--port", str(free_port()), "--detach", "--no-demo"]
    try:
        started = subprocess.run(
            [*BILLING, "up", *arguments],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=START_SECONDS_MAX,
            check=False,
        )
        assert started.returncode == 0, started.stdout + started.stderr
        yield LiveStack(directory, json.loads((directory / "stack.json").read_text()))
    finally:
        subprocess.run([*BILLING, "down", "--data-dir", str(directory)], cwd=ROOT, capture_output=True, check=False)
        end_leftovers(state_path=DataDir(directory).state_path)
        shutil.rmtree(directory)
