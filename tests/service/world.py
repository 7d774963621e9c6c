"""The service under test, in this process: the API through its test client, work through the processes that tasks call.

Hints are recorded instead of sent, and webhooks wait in the sandbox, so that a test decides what happens when. Everything
else is real: Postgres, Valkey, the SDK, the sandbox, and webhooks that come over HTTP.
"""

import hashlib
import hmac
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import httpx
from sqlalchemy import func, text, update
from sqlalchemy.orm import Session
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from app.factory import create_app
from billing.access.keys import create_key
from billing.actor import OPERATOR_CLI
from billing.clock import utc_now
from billing.credits.rebuild import rebuild_if_lost
from billing.hints import Hint
from billing.operation_runner import run_due_operations
from billing.outbox_relay import relay_batch
from billing.runtime import Runtime, make_runtime
from billing.settings import Settings
from billing.usage.charge import charge_due
from billing.webhooks.process import process_batch
from models.api_key import Role
from models.inbox_event import InboxEvent
from models.leased_work import LeasedWork
from models.operation import Operation
from models.outbox import OutboxDelivery
from models.usage import UsageCharge
from tests.service.servers import SECRET_KEY, WEBHOOK_SECRET, ServiceServers

ROUNDS_MAX = 500


class Reply(TestResponse):
    """An answer of the API; only what a type checker needs to be told about its body."""

    @property
    def json(self) -> Any:
        return super().json


@dataclass
class World:
    """One service and its servers, with the words that stories are told in."""

    servers: ServiceServers
    settings: Settings
    runtime: Runtime
    app: Any
    hints: list[Hint] = field(default_factory=list)
    _keys: dict[Role, str] = field(default_factory=dict)
    _counter: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    @contextmanager
    def open(cls, servers: ServiceServers, **changed: object) -> "Iterator[World]":
        """Make a service on `servers`; `changed` are settings."""
        settings = servers.settings(**changed)
        hints: list[Hint] = []
        runtime = make_runtime(settings, send_hint=hints.append)
        app = create_app(runtime)
        try:
            yield cls(servers, settings, runtime, app, hints)
        finally:
            app.extensions["billing"].waiter.close()
            runtime.close()

    # -- callers ------------------------------------------------------------------------------------------------------

    def key(self, role: Role = Role.ADMIN) -> str:
        """Return the text of an API key of this role, made when it is first asked for."""
        if role not in self._keys:
            with self.runtime.transaction() as session:
                _, self._keys[role] = create_key(
                    session,
                    name=f"test {role}",
                    mode=self.settings.mode,
                    role=role,
                    scopes=None,
                    expires_at=None,
                    pepper=self.settings.API_KEY_PEPPER.get_secret_value(),
                    actor=OPERATOR_CLI,
                    now=utc_now(),
                )
        return self._keys[role]

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        role: Role = Role.ADMIN,
        headers: dict[str, str] | None = None,
        **request: Any,
    ) -> Reply:
        """Send a request to the API. POSTs get an Idempotency-Key of their own unless `headers` say otherwise."""
        sent = {"Authorization": f"Bearer {key or self.key(role)}"}
        if method == "POST":
            sent["Idempotency-Key"] = f"test-{next(self._counter)}"
        sent.update(headers or {})
        if body is not None:
            request["json"] = body
        return cast("Reply", self.app.test_client().open(path, method=method, headers=sent, **request))

    # -- words of stories ---------------------------------------------------------------------------------------------

    def customer(self, **fields: object) -> str:
        """Create a customer through the API and return its id."""
        answer = self.call("POST", "/customers", {"email": f"c{next(self._counter)}@example.com", **fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json["id"])

    def clock(self, at: str = "2030-01-01T00:00:00Z") -> str:
        """Add a test clock that stands at a time, and return its id."""
        answer = self.call("POST", "/test-clocks", {"frozen_time": at})
        assert answer.status_code == 201, answer.text
        return str(answer.json["id"])

    def advance(self, clock: str, to: str) -> dict[str, Any]:
        """Let a clock advance, do what the workers do until it has its outcome, and return the operation."""
        accepted = self.call("POST", f"/test-clocks/{clock}/advance", {"frozen_time": to})
        assert accepted.status_code == 202, accepted.text

        def arrived() -> bool:
            self.work()
            return self.operation(accepted.json)["finished_at"] is not None

        self.until(arrived, what="the end of the advance")
        return self.operation(accepted.json)

    def pay(self, customer: str, *, card: str | None = "pm_card_visa", **fields: object) -> dict[str, Any]:
        """Ask for a payment of $29, let the workers do it, and return the payment as it then is."""
        accepted = self.accept_payment(customer, card=card, **fields)
        self.work()
        return self.payment(str(accepted["id"]))

    def open_credits(self) -> None:
        """Make the empty credits server of a new world the ledger's, as the sweep does within seconds."""
        rebuild_if_lost(self.runtime, now=utc_now)

    def customer_with_credits(self, amount: int = 1_000, **grant: object) -> str:
        """Create a customer, grant it credits, and return its id."""
        self.open_credits()
        customer = self.customer()
        answer = self.call("POST", "/credits/grants", {"customer_id": customer, "amount": amount, **grant})
        assert answer.status_code == 201, answer.text
        return customer

    def balance(self, customer: str) -> int:
        """Return what a customer can spend."""
        answer = self.call("GET", f"/credits/balance?customer_id={customer}")
        assert answer.status_code == 200, answer.text
        return int(answer.json["balance"])

    def accept_payment(self, customer: str, *, card: str | None = "pm_card_visa", **fields: object) -> dict[str, Any]:
        """Ask for a payment of $29 and return the 202's body; no worker has looked at it."""
        body = {"customer_id": customer, "amount": 2900, "currency": "USD", "confirm": card is not None, **fields}
        if card is not None:
            body["payment_method"] = card
        answer = self.call("POST", "/payments/intent", body)
        assert answer.status_code == 202, answer.text
        found: dict[str, Any] = answer.json
        return found

    def payment(self, payment_id: str) -> dict[str, Any]:
        """Return the payment through the API."""
        answer = self.call("GET", f"/payments/{payment_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json
        return found

    def operation(self, accepted: dict[str, Any]) -> dict[str, Any]:
        """Return the operation that a 202 named."""
        answer = self.call("GET", f"/operations/{accepted['operation']['id']}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json
        return found

    # -- workers ------------------------------------------------------------------------------------------------------

    def work(self) -> None:
        """Do what the workers do until nothing is due."""
        for _ in range(ROUNDS_MAX):
            done = bool(run_due_operations(self.runtime, now=utc_now))
            done = bool(process_batch(self.runtime, now=utc_now)) or done
            done = bool(charge_due(self.runtime, now=utc_now)) or done
            if not (bool(relay_batch(self.runtime, now=utc_now)) or done):
                return
        raise AssertionError(f"work is still due after {ROUNDS_MAX} rounds")

    def make_due(self, table: type[LeasedWork]) -> None:
        """Let the pause, or the lease, of every unfinished row be over."""
        with self.runtime.transaction() as session:
            session.execute(
                update(table)
                .where(table.next_attempt_at.is_not(None))
                .values(next_attempt_at=func.now() - timedelta(seconds=1)),
                execution_options={"synchronize_session": False},
            )

    def make_all_due(self) -> None:
        """Let the pauses and leases of all unfinished work be over."""
        for table in (Operation, InboxEvent, OutboxDelivery, UsageCharge):
            self.make_due(table)

    # -- the gateway --------------------------------------------------------------------------------------------------

    def gateway(self, path: str, **params: Any) -> dict[str, Any]:
        """Ask the sandbox's API as Stripe's is asked: `gateway("charges", payment_intent=…)`."""
        answer = httpx.get(
            f"{self.servers.sandbox.url}/v1/{path}",
            params=params,
            headers={"Authorization": f"Bearer {SECRET_KEY}"},
            verify=False,
        )
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def gateway_post(self, path: str, **form: Any) -> dict[str, Any]:
        """Do something at the gateway behind the service's back."""
        return self._gateway_write("POST", path, form)

    def gateway_delete(self, path: str) -> dict[str, Any]:
        """Delete something at the gateway behind the service's back."""
        return self._gateway_write("DELETE", path, {})

    def _gateway_write(self, method: str, path: str, form: dict[str, Any]) -> dict[str, Any]:
        answer = httpx.request(
            method,
            f"{self.servers.sandbox.url}/v1/{path}",
            data=form,
            headers={"Authorization": f"Bearer {SECRET_KEY}"},
            verify=False,
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def until(self, condition: Callable[[], object], *, what: str, seconds: float = 20.0) -> None:
        """Wait for something that happens at the gateway by itself, with a limit."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not come within {seconds} s"
            time.sleep(0.05)

    def charges(self, payment: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the successful charges that the gateway has for a payment."""
        listed = self.gateway("charges", payment_intent=payment["gateway_id"], limit=100)["data"]
        return [charge for charge in listed if charge["status"] == "succeeded"]

    def all_charges(self) -> list[dict[str, Any]]:
        """Return all successful charges at the gateway."""
        listed = self.gateway("charges", limit=100)["data"]
        return [charge for charge in listed if charge["status"] == "succeeded"]

    def fault(self, kind: str, **fault: Any) -> None:
        """Let the gateway misbehave: lost_answer, status, latency, reset."""
        self.servers.control("POST", "faults", {"kind": kind, "method": "POST", **fault})

    def authenticate(self, gateway_id: str, *, outcome: str = "complete") -> None:
        """Do what the customer does on the bank's page."""
        self.servers.control("POST", f"authenticate/{gateway_id}", {"outcome": outcome})

    def open_dispute(self, payment: dict[str, Any], *, reason: str = "fraudulent") -> dict[str, Any]:
        """Let the cardholder dispute a payment; return the gateway's dispute. The service has not heard of it."""
        charge = self.charges(payment)[0]["id"]
        return self.servers.control("POST", "disputes", {"charge": charge, "reason": reason})

    def dispute(self, payment: dict[str, Any]) -> dict[str, Any]:
        """Let the cardholder dispute a payment, and return the dispute as the service then has it."""
        opened = self.open_dispute(payment)
        self.deliver(*self.events_about(opened["id"], "charge.dispute.created"))
        self.work()
        found: dict[str, Any] = self.call("GET", f"/disputes?payment_id={payment['id']}").json["data"][0]
        return found

    def decide(self, dispute: dict[str, Any], *, outcome: str) -> None:
        """Let the bank decide a dispute as `won` or `lost`; the service has not heard of it."""
        self.servers.control("POST", f"disputes/{dispute['gateway_id']}", {"outcome": outcome})

    def events_about(self, gateway_id: str, *types: str) -> list[dict[str, Any]]:
        """Return the gateway's events about one object, oldest first; all of them, or those of some types."""
        about = [event for event in self.events() if event["data"]["object"]["id"] == gateway_id]
        return [event for event in about if not types or event["type"] in types]

    def events(self, type_: str | None = None) -> list[dict[str, Any]]:
        """Return the gateway's events, oldest first."""
        params = {"limit": 100, **({"type": type_} if type_ else {})}
        return list(reversed(self.gateway("events", **params)["data"]))

    def deliver(self, *events: dict[str, Any]) -> None:
        """Deliver events to the API, signed, one after the other."""
        for event in events:
            answer = self.deliver_raw(signed_body(event))
            assert answer.status_code == 200, answer.text

    def deliver_raw(self, body: bytes, *, signature: str | None = None) -> Reply:
        """Deliver bytes to the API with a right signature, or with the one that is given."""
        header = signature if signature is not None else sign(body)
        return cast(
            "Reply",
            self.app.test_client().post(
                "/webhooks/stripe", data=body, headers={"Stripe-Signature": header}, content_type="application/json"
            ),
        )

    # -- rows ---------------------------------------------------------------------------------------------------------

    def rows(self, query: str, **params: object) -> list[dict[str, Any]]:
        """Return what a query finds."""
        with self.session() as session:
            return [dict(row) for row in session.execute(text(query), params).mappings()]

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        return int(self.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"])

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open one transaction."""
        with self.runtime.transaction() as session:
            yield session

    @contextmanager
    def over_http(self) -> Iterator[str]:
        """Serve the API over HTTP for a while, and let the sandbox deliver to it; yields the address."""
        server = make_server("127.0.0.1", 0, self.app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def signed_body(event: dict[str, Any]) -> bytes:
    """Return an event as the bytes that are delivered."""
    return httpx.Request("POST", "http://unused", json=event).content


def sign(body: bytes, *, secret: str = WEBHOOK_SECRET, at: int | None = None) -> str:
    """Return a Stripe-Signature header for these bytes."""
    timestamp = int(utc_now().timestamp()) if at is None else at
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"
