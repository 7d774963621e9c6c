"""Clients that use credits while the faults go on: one thread of the load each."""

import random
import threading
from typing import Any

from tests.chaos.client import Client

_GRANT = 5_000
_THINK_SECONDS = (0.01, 0.12)
_BATCH_MAX = 20
_BUY = 500


class Spender:
    """Has two customers, and lives through one story of theirs after the other until the load is told to end."""

    def __init__(self, *, client: Client, rng: random.Random, ending: threading.Event) -> None:
        self._client = client
        self._rng = rng
        self._ending = ending
        self._customers: list[str] = []

    def run(self) -> None:
        """Use credits."""
        stories = (
            (self._uses, 10),
            (self._uses_many, 3),
            (self._holds, 4),
            (self._sends, 4),
            (self._buys, 1),
            (self._is_given, 1),
        )
        weights = [weight for _, weight in stories]
        while not self._ending.is_set():
            if len(self._customers) < 2:
                self._begin_with_a_customer()
                continue
            self._rng.choices([story for story, _ in stories], weights)[0]()
            self._ending.wait(self._rng.uniform(*_THINK_SECONDS))
        self._client.close()

    def _begin_with_a_customer(self) -> None:
        made = self._post("/customers", {"email": f"s{self._rng.getrandbits(32)}@example.com"})
        if made is not None:
            self._customers.append(str(made["id"]))
            self._grant(str(made["id"]))

    def _uses(self) -> None:
        self._post("/credits/deduct", self._use(self._rng.randint(1, 60)))

    def _uses_many(self) -> None:
        items = [
            {**self._use(self._rng.randint(1, 20)), "idempotency_key": f"{self._rng.getrandbits(64):016x}"}
            for _ in range(self._rng.randint(2, _BATCH_MAX))
        ]
        self._post("/credits/deduct/batch", {"items": items})

    def _holds(self) -> None:
        asked = self._use(self._rng.randint(2, 200))
        held = self._post("/credits/holds", asked)
        if held is None or "hold_id" not in held or self._rng.random() < 0.1:
            return  # refused, or forgotten by its owner
        if self._rng.random() < 0.5:
            part = {"amount": self._rng.randint(1, asked["amount"])}
            self._post(f"/credits/holds/{held['hold_id']}/capture", part)
        else:
            self._post(f"/credits/holds/{held['hold_id']}/release", {})

    def _sends(self) -> None:
        sender, receiver = self._rng.sample(self._customers, 2)
        body = {"from_customer_id": sender, "to_customer_id": receiver, "amount": self._rng.randint(1, 300)}
        self._post("/credits/transfer", body)

    def _buys(self) -> None:
        card = self._rng.choice(("pm_card_visa", "pm_card_visa", "pm_card_chargeDeclined"))
        body = {"customer_id": self._rng.choice(self._customers), "amount": _BUY, "payment_method": card}
        bought = self._post("/credits/purchase", body)
        if bought is None or "payment_id" not in bought or self._rng.random() < 0.5:
            return
        paid = self._client.settled(f"/payments/{bought['payment_id']}", unsettled=frozenset({"pending"}), seconds=10)
        if paid is not None and paid["status"] == "succeeded":
            self._post("/payments/refund", {"payment_id": paid["id"], "amount": self._rng.randint(1, paid["amount"])})

    def _is_given(self) -> None:
        self._grant(self._rng.choice(self._customers))

    def _grant(self, customer: str) -> None:
        self._post("/credits/grants", {"customer_id": customer, "amount": _GRANT})

    def _use(self, amount: int) -> dict[str, Any]:
        return {"customer_id": self._rng.choice(self._customers), "amount": amount, "operation": "ai.generate"}

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        answer = self._client.post(path, body)
        return None if answer is None else answer.body
