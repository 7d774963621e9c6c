"""A client whose customers subscribe, and whose time passes while the faults go on: each advance is a billing run."""

import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.chaos.client import Client

_BEGINS = datetime(2027, 1, 31, 10, tzinfo=UTC)
_CARDS = ("pm_card_visa", "pm_card_visa", "pm_card_chargeCustomerFail")
_DAYS = (9, 40)
_ADVANCE_SECONDS_MAX = 20.0
_THINK_SECONDS = (0.05, 0.3)


class Subscriber:
    """Has three customers on a test clock, one of whose cards fails, and lets their months pass until it is told to end."""

    def __init__(self, *, client: Client, rng: random.Random, ending: threading.Event) -> None:
        self._client = client
        self._rng = rng
        self._ending = ending
        self._now = _BEGINS
        self._subscriptions: list[str] = []

    def run(self) -> None:
        """Subscribe, and let the time pass."""
        clock = self._post("/test-clocks", {"frozen_time": self._now.isoformat()})
        if clock is not None and "id" in clock:
            for card in _CARDS:
                self._subscribe(str(clock["id"]), card)
            while not self._ending.is_set():
                self._let_time_pass(str(clock["id"]))
                self._change_one()
                self._ending.wait(self._rng.uniform(*_THINK_SECONDS))
        self._client.close()

    def _subscribe(self, clock: str, card: str) -> None:
        body = {"email": f"m{self._rng.getrandbits(32)}@example.com", "test_clock": clock}
        customer = self._post("/customers", body)
        if customer is None or "id" not in customer:
            return
        of_card = {"payment_method": card, "set_default": True}
        self._client.post(f"/customers/{customer['id']}/payment-methods", of_card, wait=5)
        wish = {"customer_id": customer["id"], "plan": self._rng.choice(("pro", "team")), "trial_days": 3}
        made = self._post("/subscriptions", wish)
        if made is not None and "id" in made:
            self._subscriptions.append(str(made["id"]))

    def _let_time_pass(self, clock: str) -> None:
        to = self._now + timedelta(days=self._rng.randint(*_DAYS))
        accepted = self._post(f"/test-clocks/{clock}/advance", {"frozen_time": to.isoformat()})
        if accepted is None:
            return
        unsettled = frozenset({"advancing"})
        settled = self._client.settled(f"/test-clocks/{clock}", unsettled=unsettled, seconds=_ADVANCE_SECONDS_MAX)
        if settled is not None:
            self._now = datetime.fromisoformat(settled["frozen_time"])

    def _change_one(self) -> None:
        if self._subscriptions and self._rng.random() < 0.3:
            wanted = {"plan": self._rng.choice(("pro", "team"))}
            self._client.put(f"/subscriptions/{self._rng.choice(self._subscriptions)}", wanted)

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        answer = self._client.post(path, body)
        return None if answer is None else answer.body
