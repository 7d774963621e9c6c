"""A stack that is quiet, and the words in which stories are told."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from billing.payments.representation import PREFIX
from models.ids import row_id
from tests.chaos.checker import Violation, check
from tests.chaos.client import Answer, Client, Journal, Wish
from tests.chaos.evidence import collect
from tests.chaos.outside_faults import double_messages
from tests.chaos.quiet import wait_for_quiet
from tests.chaos.stack import LEASE_SECONDS, ChaosStack

SECONDS_MAX = 30.0
QUIET_SECONDS_MAX = 45.0


class StoryBroke(Exception):
    """What the story waited for did not come about: with a mutant that may be how it is caught."""


class Scene:
    """A stack that is quiet, and the words that the stories are told in."""

    def __init__(self, stack: ChaosStack) -> None:
        self.stack = stack
        self.journal = Journal(stack.directory / "answers.jsonl")
        self._give_up = threading.Event()
        self._pool = ThreadPoolExecutor(4)
        self._fired_before = len(stack.fired())
        self._customer_id = ""

    def later(self, path: str, body: dict[str, Any], *, wish: Wish | None = None) -> "Future[Answer | None]":
        """Ask in a thread of its own."""
        asked = wish or self.journal.wish(key=f"story-{uuid4()}", path=path, body=body)
        return self._pool.submit(self._repeat, asked)

    def ask(self, path: str, body: dict[str, Any], *, wish: Wish | None = None) -> Answer:
        """Ask and wait for the final answer, while the stack is kept running. Raises StoryBroke."""
        asked = self.later(path, body, wish=wish)
        self.until(asked.done, what=f"an answer to {path}")
        answer = asked.result()
        if answer is None:
            raise StoryBroke(f"{path} was never answered")
        return answer

    def customer(self) -> str:
        """Return the customer of the story, made when first asked for and known to the gateway."""
        if not self._customer_id:
            self._customer_id = str(self.ask("/customers", {"email": "story@example.com", "name": "Story"}).body["id"])
            self.until(
                lambda: not self.stack.rows("SELECT 1 FROM customers WHERE gateway_id IS NULL"),
                what="the gateway's customer",
            )
        return self._customer_id

    def pay(self, card: str = "pm_card_visa", **fields: Any) -> Answer:
        """Ask for a payment of 10.00 and return the answer."""
        body = {
            "customer_id": self.customer(),
            "amount": 1000,
            "currency": "USD",
            "payment_method": card,
            "confirm": True,
        }
        return self.ask("/payments/intent", {**body, **fields})

    def reaches(self, answer: Answer, *statuses: str) -> dict[str, Any]:
        """Wait until the payment has one of the statuses, and return it. Raises StoryBroke."""
        what = f"{answer.body.get('id')} to become {' or '.join(statuses)}"
        payment: dict[str, Any] = self.until(lambda: self._standing(answer, statuses), what=what)
        return payment

    def until(self, condition: Callable[[], Any], *, what: str, seconds: float = SECONDS_MAX) -> Any:
        """Keep the stack running until something holds. Raises StoryBroke."""
        found = self.stack.run_until(condition, seconds=seconds)
        if not found:
            raise StoryBroke(f"waited {seconds:.0f} s for {what}")
        return found

    def fires(self, point: str, *, times: int = 1) -> None:
        """Wait until a point was met so many times in this story."""

        def met() -> bool:
            return sum(name == point for _, name, _ in self.stack.fired()[self._fired_before :]) == times

        self.until(met, what=f"{point} to be met for the {times}. time")

    def fault(self, kind: str, path: str, **fault: Any) -> None:
        """Let the gateway misbehave."""
        self.stack.control("POST", "faults", {"kind": kind, "method": "POST", "path": path, **fault})

    def authenticate(self, gateway_id: str) -> None:
        """Do what the customer does on the bank's page."""
        self.stack.control("POST", f"authenticate/{gateway_id}", {"outcome": "complete"})

    def rename(self, customer: str, name: str) -> None:
        """Give the customer another name."""
        client = self._client("rename")
        client.put(f"/customers/{customer}", {"name": name})
        client.close()

    def lease_runs_out(self) -> None:
        """Wait until whatever a worker left behind is due, and tell all workers to look now."""
        self.stack.run_for(LEASE_SECONDS + 0.5)
        double_messages(self.stack)

    def verdict(self, *, earlier: list[Wish]) -> list[Violation]:
        """Wait for quiet, read everything, and return what is violated. `earlier` wishes of the stack are added to."""
        unrest = wait_for_quiet(self.stack, seconds=QUIET_SECONDS_MAX)
        found = [] if unrest is None else [Violation("live", f"not quiet after {QUIET_SECONDS_MAX:.0f} s: {unrest}")]
        found += check(collect(self.stack, journal=self.journal, earlier=earlier))
        earlier += self.journal.wishes
        return found

    def close(self) -> None:
        self._give_up.set()
        self._pool.shutdown()
        self.journal.close()

    def _client(self, seed: str) -> Client:
        return Client(
            url=self.stack.clients_url,
            api_key=self.stack.api_key,
            journal=self.journal,
            rng=random.Random(seed),
            give_up=self._give_up,
        )

    def _repeat(self, wish: Wish) -> Answer | None:
        client = self._client(wish.key)
        try:
            return client.repeat(wish)
        finally:
            client.close()

    def _standing(self, answer: Answer, statuses: tuple[str, ...]) -> dict[str, Any] | None:
        named = str(answer.body.get("payment_id") or answer.body["id"])
        (payment,) = self.stack.rows(f"SELECT * FROM payments WHERE id = '{row_id(PREFIX, named)}'")
        return {**payment, "public": named} if payment["status"] in statuses else None
