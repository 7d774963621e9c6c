"""Short stories in which one thing goes wrong at one place: the real service passes each, its mutant must not.

A story brings its fault about at a named point, so that a mutant is caught for certain and not by luck.
"""

from collections.abc import Callable

from tests.chaos.checker import Violation
from tests.chaos.client import Wish
from tests.chaos.credit_stories import CREDIT_STORIES
from tests.chaos.proxy import LinkFault
from tests.chaos.quiet import wait_for_quiet
from tests.chaos.scene import SECONDS_MAX, Scene, StoryBroke
from tests.chaos.stack import LEASE_SECONDS, ChaosStack

_LIVES = 3


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
    wait_for_quiet(scene.stack, seconds=SECONDS_MAX)
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
    wait_for_quiet(scene.stack, seconds=SECONDS_MAX)
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
    wait_for_quiet(scene.stack, seconds=SECONDS_MAX)
    scene.stack.arm("outbox.told", "kill")
    scene.rename(customer, "New Name")
    scene.fires("outbox.told")
    scene.lease_runs_out()


def _row_kills_whoever_takes_it(scene: Scene) -> None:
    """A poisonous event kills three workers and is then left for a person; the others are handled."""
    payment = scene.reaches(
        scene.pay("pm_card_authenticationRequired", return_url="https://shop.example"), "requires_action"
    )
    wait_for_quiet(scene.stack, seconds=SECONDS_MAX)
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
        *CREDIT_STORIES,
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
