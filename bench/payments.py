"""Payments: from the request to the settled outcome, through API, Postgres, broker, worker and gateway; beside the SDK alone.

Webhooks are held in both runs. The caller waits with `Prefer: wait`, so an answer is a payment that is settled.
"""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import httpx

from bench.figures import Figure, Spread, compared, in_turns, measured, percentile
from bench.http_load import Load, raw_request, run_load
from bench.rig import ROOT, Rig
from tests.service.servers import SECRET_KEY

NAME = "payments"
_CONCURRENCY = 8
# Half of a process's threads may wait for outcomes: enough that each of the callers may, wherever it is connected.
_THREADS = str(2 * _CONCURRENCY)
_TURNS = 5
_TURN_SECONDS = 4.0
_STEADY_SECONDS = 8.0
_PREPARED = 4_000
_CUSTOMERS = 8


def measure(rig: Rig) -> Iterator[Figure]:
    """Yield settled payments a second, and how long one takes under half that load."""
    rig.servers.control("POST", "webhooks", {"mode": "hold"})
    key = rig.api_key()
    with ExitStack() as running:
        port = running.enter_context(rig.api(BILLING_WEB_THREADS=_THREADS))
        for name in ("worker-network", "worker-maintenance"):
            running.enter_context(rig.procfile_process(name))
        customers = [_customer(port, key) for _ in range(_CUSTOMERS)]
        _turn(port, key, customers)
        ours, floor = in_turns(_TURNS, lambda: _turn(port, key, customers).per_second, lambda: _sdk_alone(rig))
        yield compared(NAME, unit="payments/s", ours=ours, floor=floor, goal=0.5, note="floor: the SDK alone")
        rate = Spread.of(ours).median / 2
        load = _turn(port, key, customers, seconds=_STEADY_SECONDS, rate=rate)
        for share in (0.50, 0.95, 0.99):
            yield measured(
                f"{NAME}_p{share * 100:.0f}",
                unit="ms",
                ours=[percentile(load.latencies, share) * 1000],
                note=f"steady {rate:.0f} payments/s, half the maximum",
            )


def _turn(
    port: int, key: str, customers: list[str], *, seconds: float = _TURN_SECONDS, rate: float | None = None
) -> Load:
    requests = (_payment(key, customers[number % len(customers)]) for number in range(_PREPARED))
    load = run_load(port=port, requests=iter(list(requests)), connections=_CONCURRENCY, seconds=seconds, rate=rate)
    if set(load.statuses) != {201}:
        raise RuntimeError(f"not every payment was settled in time: {load.statuses}")
    return load


def _sdk_alone(rig: Rig) -> float:
    arguments = [rig.servers.sandbox.url, SECRET_KEY, str(_TURN_SECONDS), str(_CONCURRENCY)]
    ran = subprocess.run(
        [sys.executable, "-m", "bench.sdk_client", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    settled, seconds = ran.stdout.split()
    return int(settled) / float(seconds)


def _customer(port: int, key: str) -> str:
    """Create a customer and let the gateway know it, by one payment; return its id."""
    url = f"http://127.0.0.1:{port}"
    headers = {"Authorization": f"Bearer {key}"}
    created = httpx.post(f"{url}/customers", json={"email": "bench@example.com"}, headers=headers, timeout=30)
    return str(created.json()["id"])


def _payment(key: str, customer: str) -> bytes:
    body = {
        "customer_id": customer,
        "amount": 2900,
        "currency": "USD",
        "payment_method": "pm_card_visa",
        "confirm": True,
    }
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
        "Idempotency-Key": str(uuid.uuid4()),
        "Prefer": "wait=20",
    }
    return raw_request("POST", "/payments/intent", headers=headers, body=json.dumps(body).encode())
