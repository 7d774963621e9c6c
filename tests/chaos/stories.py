"""Short stories in which one thing goes wrong at one place: the real service passes each, its mutant must not.

A story brings its fault about at a named point, so that a mutant is caught for certain and not by luck.
"""

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
from tests.chaos.proxy import LinkFault
from tests.chaos.quiet import wait_for_quiet
from tests.chaos.stack import LEASE_SECONDS, ChaosStack

_SECONDS_MAX = 30.0
QUIET_SECONDS_MAX = 45.0
_LIVES = 3


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

    def until(self, condition: Callable[[], Any], *, what: str, seconds: float = _SECONDS_MAX) -> Any:
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


def _gateway_never_answers_a_charge(scene: Scene) -> None:
    """The gateway charges, and its answer is lost; so is that to the SDK's own repetition."""
    scene.customer()
    scene.fault("lost_answer", "/v1/payment_intents", times=2)
    scene.reaches(scene.pay(), "succeeded")


def _gateway_never_answers_a_refund(scene: Scene) -> None:
    payment = scene.reaches(scene.pay(), "succeeded")
    scene.fault("lost_answer", "/v1/refunds", times=2)
    scene.ask("/payments/refund", {"payment_id": payment["public"], "amount": 300})


def _gateway_never_answers_a_new_customer(scene: Scene) -> None:
    scene.fault("lost_answer", "/v1/customers", times=2)
    scene.customer()


def _every_webhook_comes_four_times(scene: Scene) -> None:
    scene.stack.control("POST", "webhooks", {"mode": "duplicate", "times": 4})
    scene.reaches(scene.pay(), "succeeded")
    scene.until(lambda: scene.stack.rows("SELECT 1 FROM inbox_events LIMIT 1"), what="an event")
    scene.stack.control("POST", "webhooks", {"mode": "deliver"})


def _broker_forgets_what_was_accepted(scene: Scene) -> None:
    """The message is handed to a worker that never gets it, and the rest is flushed: only the row knows."""
    scene.reaches(scene.pay(), "succeeded")
    link = scene.stack.links["broker"]
    lost_before = link.broken
    link.misbehave(LinkFault.LOSE_POP)
    answer = scene.pay()
    scene.until(lambda: link.broken > lost_before, what="a message that is handed out and lost")
    with scene.stack.valkey("broker") as broker:
        broker.flushall()
    link.behave()
    scene.reaches(answer, "succeeded")


def _worker_dies_with_an_event_in_its_hands(scene: Scene) -> None:
    """One event alone says that the payment was canceled at the gateway; whoever handles it dies before the commit."""
    payment = scene.reaches(scene.pay(confirm=False, payment_method=None), "requires_payment_method")
    wait_for_quiet(scene.stack, seconds=_SECONDS_MAX)
    scene.stack.arm("inbox.before_commit", "kill")
    scene.stack.do_at_gateway(f"payment_intents/{payment['gateway_id']}/cancel")
    scene.fires("inbox.before_commit")
    scene.lease_runs_out()


def _answer_is_older_than_the_event(scene: Scene) -> None:
    """While a worker holds the gateway's answer, events tell what happened since."""
    scene.customer()
    scene.stack.arm("operation.before_settlement", "sleep 5")
    answer = scene.pay("pm_card_authenticationRequired", return_url="https://shop.example")
    payment = scene.reaches(answer, "requires_action")
    scene.authenticate(payment["gateway_id"])
    scene.reaches(answer, "succeeded")


def _answer_is_repeated_after_the_event(scene: Scene) -> None:
    """A worker dies with the answer; when the call is repeated under its key, the answer is the old one."""
    scene.customer()
    scene.stack.arm("payment.answered", "kill")
    answer = scene.pay("pm_card_authenticationRequired", return_url="https://shop.example")
    payment = scene.reaches(answer, "requires_action")
    scene.authenticate(payment["gateway_id"])
    scene.lease_runs_out()
    scene.reaches(answer, "succeeded")


def _worker_sleeps_past_its_lease(scene: Scene) -> None:
    """Another worker gives the operation its outcome, the client acts on it, and then the sleeper wakes up."""
    scene.customer()
    scene.stack.arm("operation.before_settlement", f"sleep {LEASE_SECONDS + 8}")
    answer = scene.pay("pm_card_chargeDeclined")
    scene.fires("operation.before_settlement")
    scene.lease_runs_out()
    payment = scene.reaches(answer, "requires_payment_method")
    wish = scene.journal.wishes[-1]
    scene.ask(wish.path, wish.body, wish=wish)
    scene.ask("/payments/confirm", {"payment_id": payment["public"], "payment_method": "pm_card_visa"})
    scene.reaches(answer, "succeeded")
    scene.stack.run_for(9.0)


def _worker_dies_with_the_lease(scene: Scene) -> None:
    scene.customer()
    scene.stack.arm("operation.claimed", "kill")
    answer = scene.pay()
    scene.fires("operation.claimed")
    scene.lease_runs_out()
    scene.reaches(answer, "succeeded")


def _api_dies_between_commit_and_answer(scene: Scene) -> None:
    scene.customer()
    scene.stack.arm("request.after_commit", "kill")
    scene.reaches(scene.pay(), "succeeded")
    scene.fires("request.after_commit")


def _event_cannot_be_stored(scene: Scene) -> None:
    scene.customer()
    wait_for_quiet(scene.stack, seconds=_SECONDS_MAX)
    scene.stack.arm("webhook.before_commit", "raise")
    scene.pay()
    scene.fires("webhook.before_commit")


def _two_refunds_race(scene: Scene) -> None:
    """Together they are more than was paid; the first is held up where it has read what is left."""
    payment = scene.reaches(scene.pay(), "succeeded")
    body = {"payment_id": payment["public"], "amount": 600}
    scene.stack.arm("request.before_commit", "sleep 1.5")
    first = scene.later("/payments/refund", body)
    scene.fires("request.before_commit")
    scene.ask("/payments/refund", body)
    scene.until(first.done, what="the first refund's answer")


def _worker_dies_before_the_consumer_is_told(scene: Scene) -> None:
    """The gateway hears of a customer's new name; whoever tells it dies on the way."""
    customer = scene.customer()
    wait_for_quiet(scene.stack, seconds=_SECONDS_MAX)
    scene.stack.arm("outbox.told", "kill")
    scene.rename(customer, "New Name")
    scene.fires("outbox.told")
    scene.lease_runs_out()


def _row_kills_whoever_takes_it(scene: Scene) -> None:
    """A poisonous event kills three workers and is then left for a person; the others are handled."""
    payment = scene.reaches(
        scene.pay("pm_card_authenticationRequired", return_url="https://shop.example"), "requires_action"
    )
    wait_for_quiet(scene.stack, seconds=_SECONDS_MAX)
    for death in range(1, _LIVES + 1):
        scene.stack.arm("inbox.claimed", "kill")
        if death == 1:
            scene.authenticate(payment["gateway_id"])
        scene.fires("inbox.claimed", times=death)
        scene.lease_runs_out()
    dead = scene.until(
        lambda: scene.stack.rows("SELECT external_id FROM inbox_events WHERE status = 'dead'"), what="a dead event"
    )
    scene.reaches(scene.pay(), "succeeded")
    for event in dead:
        scene.ask("/webhooks/replay", {"event_id": event["external_id"]})


Story = Callable[[Scene], None]
STORIES: dict[str, Story] = {
    story.__name__.removeprefix("_"): story
    for story in (
        _gateway_never_answers_a_charge,
        _gateway_never_answers_a_refund,
        _gateway_never_answers_a_new_customer,
        _every_webhook_comes_four_times,
        _broker_forgets_what_was_accepted,
        _worker_dies_with_an_event_in_its_hands,
        _answer_is_older_than_the_event,
        _answer_is_repeated_after_the_event,
        _worker_sleeps_past_its_lease,
        _worker_dies_with_the_lease,
        _api_dies_between_commit_and_answer,
        _event_cannot_be_stored,
        _two_refunds_race,
        _worker_dies_before_the_consumer_is_told,
        _row_kills_whoever_takes_it,
    )
}


def tell(stack: ChaosStack, story: str, *, earlier: list[Wish]) -> list[Violation]:
    """Tell a story on a running stack and return what it leaves violated."""
    scene = Scene(stack)
    try:
        broke: list[Violation] = []
        try:
            STORIES[story](scene)
        except StoryBroke as error:
            broke = [Violation("story", str(error))]
        return broke + scene.verdict(earlier=earlier)
    finally:
        scene.close()
