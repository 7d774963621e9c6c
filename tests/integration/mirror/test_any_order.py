"""However events come, and whatever happens at Stripe in between, the row ends as what Stripe says."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.actor import GATEWAY
from billing.clock import utc_now
from billing.mirror.apply import apply_mirror
from billing.mirror.observe import observe_mirror
from billing.mirror.sync import mirror_now
from billing.observations import StaleObservation
from billing.webhooks.process import process_batch
from tests.concurrency.crowd import at_once, workers
from tests.integration.mirror.stories import AtStripe
from tests.service.world import World

# Places in the list of what has not been delivered yet, and what is done at Stripe in between.
_PLACE = st.integers(min_value=0, max_value=30)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("deliver"), _PLACE),
        st.tuples(
            st.sampled_from(["end_period", "bad_card", "good_card", "pay", "other_plan", "end", "go_on", "give_up"]),
            st.just(0),
        ),
    ),
    min_size=4,
    max_size=14,
)


def _do(story: AtStripe, gateway_id: str, what: str) -> None:
    """Do something at Stripe; what it refuses in the present state has not happened."""
    there = story.at_stripe(gateway_id)
    item = there["items"]["data"][0]["id"]
    actions: dict[str, Callable[[], object]] = {
        "end_period": lambda: story.time_passes(gateway_id),
        "give_up": lambda: story.time_passes(gateway_id, "give_up"),
        "bad_card": lambda: story.use_card("pm_card_chargeCustomerFail"),
        "good_card": lambda: story.use_card("pm_card_visa"),
        "pay": lambda: story.world.gateway_post(f"invoices/{there['latest_invoice']}/pay"),
        "other_plan": lambda: story.change(
            gateway_id, **{"items[0][id]": item, "items[0][price]": story.price("team", unit_amount=9900)}
        ),
        "end": lambda: story.change(gateway_id, cancel_at_period_end="true"),
        "go_on": lambda: story.change(gateway_id, cancel_at_period_end="false"),
    }
    try:
        actions[what]()
    except (AssertionError, httpx.HTTPStatusError):
        return


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS, rest=st.randoms(use_true_random=False))
def test_every_order_ends_in_what_stripe_says(world: World, steps: list[tuple[str, int]], rest: Any) -> None:
    story = AtStripe(world)
    sub = story.subscribe()
    delivered: set[str] = set()

    def undelivered() -> list[dict[str, Any]]:
        return [event for event in story.events(sub) if event["id"] not in delivered]

    for what, place in steps:
        if what != "deliver":
            _do(story, sub, what)
        elif waiting := undelivered():
            event = waiting[place % len(waiting)]
            delivered.add(event["id"])
            story.hear(event)
    left = undelivered()
    rest.shuffle(left)
    story.hear(*left)
    again = [event for event in story.events(sub) if event["type"].startswith("customer.subscription")]
    world.call("POST", "/webhooks/replay", {"event_id": rest.choice(again)["id"]})
    world.work()

    shown, there = story.mirrored(sub), story.at_stripe(sub)
    item = there["items"]["data"][0]
    assert shown["gateway_status"] == there["status"]
    assert shown["plan"] == item["price"]["metadata"]["billing_plan"]
    assert shown["cancel_at_period_end"] is there["cancel_at_period_end"]
    mirror_now(world.runtime, gateway_id=sub, actor=GATEWAY, now=utc_now)
    assert story.mirrored(sub) == shown
    assert world.rows("SELECT id FROM inbox_events WHERE status NOT IN ('processed', 'ignored')") == []
    twice = "SELECT 1 FROM plan_allowances GROUP BY mirror_id, month_start HAVING count(*) > 1"
    assert world.rows(twice) == []


def test_an_answer_that_is_older_than_the_row_is_not_applied(world: World) -> None:
    story = AtStripe(world)
    sub = story.subscribe()
    before = observe_mirror(world.runtime, gateway_id=sub)
    world.gateway_delete(f"subscriptions/{sub}")
    story.hear_all()

    with pytest.raises(StaleObservation), world.session() as session:
        apply_mirror(session, observation=before, actor=GATEWAY, now=utc_now())

    assert story.mirrored(sub)["status"] == "canceled"


def test_all_events_at_once_make_one_row_and_one_grant(world: World) -> None:
    world.open_credits()
    story = AtStripe(world)
    sub = story.subscribe()
    world.deliver(*story.events(sub))

    crowd = workers(world, 4)
    at_once(4, lambda number: process_batch(crowd[number], now=utc_now, limit=3))
    world.make_all_due()
    world.work()

    assert story.mirrored(sub)["status"] == "active"
    assert (world.count("mirrored_subscriptions"), world.count("plan_allowances")) == (1, 1)
    assert (story.told().count("subscription.created"), world.balance(story.customer)) == (1, 1_000)
