"""Faults of those outside: a gateway that acts and never answers, deliveries in any order, forgers, slow clients."""

import hashlib
import hmac
import json
import socket
import time
from contextlib import suppress
from typing import Any

import httpx
import redis
from celery import Celery
from kombu.exceptions import OperationalError

from local.ports import LOOPBACK
from tasks.celery_config import MESSAGE_PREFIX
from tasks.queues import HINT_TASKS, QUEUES, TASK_QUEUES
from tests.chaos.fault import Fault, Shot, Undo
from tests.chaos.stack import ChaosStack

_PATHS = ("/v1/payment_intents*", "/v1/refunds*", "/v1/customers*", "*")
_STATUSES = (429, 500, 409, 503)
_COPIES = 6
_SLOW_CLIENTS = 24
_DEEP_JSON = b"[" * 50_000
_MALFORMED = (
    b"not json",
    b"\x00\xff\xfe",
    b"{}",
    b'{"body": "gASVAAAAAAAAAA==", "content-type": "application/x-python-serialize", "content-encoding": "binary"}',
    b'{"body": "W10=", "headers": {"task": "no.such.task", "id": "1"}, "content-type": "application/json"}',
    b"x" * 10_000_000,
)


def _gateway_fault(name: str, row: int, kind: str, *, seconds: tuple[float, ...] = (0.0,)) -> Fault:
    def inject(stack: ChaosStack, shot: Shot) -> Undo:
        fault: dict[str, Any] = {
            "kind": kind,
            "method": "POST",
            "path": _PATHS[shot.number % len(_PATHS)],
            "seconds": seconds[shot.number % len(seconds)],
            "times": 1 + shot.number % 8,
        }
        if kind == "status":
            fault["status"] = _STATUSES[shot.number // 8 % len(_STATUSES)]
        _ask_sandbox(stack, "POST", "faults", fault)
        return lambda: _ask_sandbox(stack, "DELETE", "faults")

    return Fault(name=f"{name}.gateway", rows=(row,), resource="gateway", inject=inject, seconds=(2.0, 8.0))


def _deliveries(mode: str, row: int) -> Fault:
    def inject(stack: ChaosStack, shot: Shot) -> Undo:
        times = {} if mode == "hold" else {"times": 2 + shot.number % 4}
        _ask_sandbox(stack, "POST", "webhooks", {"mode": mode, **times})

        def undo() -> None:
            # In this order: what happens in between would be held for ever.
            _ask_sandbox(stack, "POST", "webhooks", {"mode": "deliver"})
            _ask_sandbox(
                stack, "POST", "webhooks/release", {"order": ("oldest_first", "newest_first")[shot.number % 2]}
            )

        return undo

    return Fault(name=f"{mode}.webhooks", rows=(row,), resource="deliveries", inject=inject, seconds=(3.0, 9.0))


def _ask_sandbox(stack: ChaosStack, method: str, path: str, body: dict[str, Any] | None = None) -> None:
    """Call a control route; a sandbox that is down cannot be asked, and has forgotten its faults."""
    with suppress(httpx.HTTPError):
        stack.control(method, path, body)


def _forged_webhooks(stack: ChaosStack, _shot: Shot) -> None:
    """Send what was never signed, signed long ago, signed for later, or signed with another secret: none may be taken."""
    body = json.dumps({"id": "evt_forged", "object": "event", "type": "payment_intent.succeeded", "livemode": False})
    now = int(time.time())  # noqa: TID251 - a signature is of real time
    secret = stack.webhook_secret
    headers = {
        "no signature": "",
        "another secret": _signature(body, secret="whsec_" + "x" * 32, at=now),
        "too old": _signature(body, secret=secret, at=now - 3600),
        "from the future": _signature(body, secret=secret, at=now + 3600),
        "of another body": _signature(body + " ", secret=secret, at=now),
    }
    for name, header in headers.items():
        with suppress(httpx.HTTPError):
            answer = httpx.post(
                f"{stack.api_url}/webhooks/stripe", content=body, headers={"Stripe-Signature": header}, timeout=3
            )
            if answer.status_code < 400:
                stack.findings.append(f"forged: a webhook with {name} was answered {answer.status_code}")


def _signature(body: str, *, secret: str, at: int) -> str:
    digest = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def _slow_clients(stack: ChaosStack, _shot: Shot) -> Undo:
    """Hold connections whose requests never end, and send some that nobody should send."""
    held: list[socket.socket] = []
    with suppress(OSError):
        for _ in range(_SLOW_CLIENTS):
            connection = socket.create_connection((LOOPBACK, stack.api_port), timeout=1)
            held.append(connection)
            connection.sendall(b"POST /payments/intent HTTP/1.1\r\nHost: api\r\nX-Slow: ")
    for body in (_DEEP_JSON, b'{"a": 1}' + b" " * 3_000_000):
        with suppress(httpx.HTTPError):
            headers = {"Authorization": f"Bearer {stack.api_key}", "Content-Type": "application/json"}
            answer = httpx.post(f"{stack.api_url}/customers", content=body, headers=headers, timeout=3)
            if answer.status_code < 400 or answer.status_code == 500:
                stack.findings.append(f"hostile: {len(body)} bytes of nonsense were answered {answer.status_code}")

    def undo() -> None:
        for connection in held:
            connection.close()

    return undo


def _doubled_messages(stack: ChaosStack, _shot: Shot) -> None:
    double_messages(stack)


def double_messages(stack: ChaosStack) -> None:
    """Tell every worker of the same work at the same moment."""
    celery = Celery("chaos", broker=stack.broker.url(), set_as_current=False)
    celery.conf.broker_transport_options = {"global_keyprefix": MESSAGE_PREFIX, "socket_timeout": 2}
    with suppress(OperationalError, OSError, redis.RedisError), celery:
        for task in HINT_TASKS.values():
            for _ in range(_COPIES):
                celery.send_task(task, queue=TASK_QUEUES[task], retry=False)


def _malformed_message(stack: ChaosStack, shot: Shot) -> None:
    message = _MALFORMED[shot.number % len(_MALFORMED)]
    with suppress(redis.RedisError), stack.valkey("broker") as client:
        client.lpush(f"{MESSAGE_PREFIX}{QUEUES[shot.number % 2]}", message)


OUTSIDE_FAULTS = (
    _gateway_fault("lost_answer", 22, "lost_answer", seconds=(0.0, 0.3, 5.0)),
    _gateway_fault("status", 23, "status"),
    _gateway_fault("latency", 25, "latency", seconds=(0.3, 1.0, 1.8)),
    _gateway_fault("dropped", 21, "reset"),
    _deliveries("duplicate", 24),
    _deliveries("reorder", 24),
    _deliveries("hold", 24),
    Fault(name="forged.webhooks", rows=(26,), resource="forger", inject=_forged_webhooks),
    Fault(name="slow.clients", rows=(29,), resource="hostile", inject=_slow_clients, seconds=(2.0, 6.0)),
    Fault(name="doubled.messages", rows=(6,), resource="messages", inject=_doubled_messages),
    # A message that is no JSON ends Celery's worker, with whatever its threads are at.
    Fault(name="malformed.message", rows=(9,), resource="messages", inject=_malformed_message, wear=1),
)
