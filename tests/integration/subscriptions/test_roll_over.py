"""A month ends, and what is unspent of its credits lives on in the next one, up to what the plan says."""

from collections.abc import Callable, Iterator

import pytest

from tests.integration.credits.orders import drain
from tests.integration.subscriptions.stories import Story
from tests.service.catalog import catalog_kept, change_catalog
from tests.service.world import World

# The plan `pro` grants 1,000 credits a month.
ROLL_OVER = "UPDATE plan_versions SET credits_roll_over_max = {} FROM plans WHERE plans.id = plan_id AND code = '{}'"


@pytest.fixture
def story(world: World) -> Iterator[Story]:
    with catalog_kept(world):
        change_catalog(world, ROLL_OVER.format(300, "pro"))
        world.open_credits()
        yield Story(world, begins="2026-01-31T10:00:00")


def use(story: Story, credits_: int) -> None:
    body = {"customer_id": story.customer, "amount": credits_, "operation": "ai.generate"}
    answer = story.world.call("POST", "/credits/deduct", body)
    assert answer.status_code == 200, answer.text


def history(story: Story) -> list[tuple[str, str | None, int]]:
    """Return type, operation and amount of each transaction, oldest first."""
    page = story.world.call("GET", f"/credits/history?customer_id={story.customer}&limit=100").json["data"]
    return [(row["type"], row["operation"], row["amount"]) for row in reversed(page)]


def test_what_is_unspent_lives_on_up_to_the_plans_maximum(story: Story) -> None:
    story.subscribe("pro", trial_days=0)
    use(story, 100)

    story.advance("2026-02-28T10:00:00")

    assert story.world.balance(story.customer) == 1300
    assert history(story) == [
        ("grant", "plan.allowance", 1000),
        ("deduct", "ai.generate", 100),
        ("grant_expired", None, 900),
        ("grant", "plan.allowance", 1000),
        ("grant", "plan.roll_over", 300),
    ]


def test_less_than_the_maximum_lives_on_as_a_whole_and_is_spent_first(story: Story) -> None:
    story.subscribe("pro", trial_days=0)
    use(story, 950)
    story.advance("2026-02-28T10:00:00")

    use(story, 60)

    drain(story.world)
    grants = story.world.rows("SELECT amount, remaining FROM credit_grants WHERE remaining > 0 ORDER BY amount")
    assert [(row["amount"], row["remaining"]) for row in grants] == [(1000, 990)]


def test_what_lived_on_may_live_on_again_within_the_maximum(story: Story) -> None:
    story.subscribe("pro", trial_days=0)
    story.advance("2026-02-28T10:00:00")
    use(story, 1100)
    story.advance("2026-03-31T10:00:00")

    assert story.world.balance(story.customer) == 1200
    story.advance("2026-04-30T10:00:00")
    assert story.world.balance(story.customer) == 1300


def test_nothing_lives_on_when_all_is_spent_when_the_plan_has_none_or_when_it_ends(story: Story) -> None:
    first = story.subscribe("pro", trial_days=0)
    use(story, 1000)
    story.advance("2026-02-28T10:00:00")
    assert story.world.balance(story.customer) == 1000

    story.act(first, "cancel")
    story.advance("2026-03-31T10:00:00")
    assert story.world.balance(story.customer) == 0

    story.subscribe("team", trial_days=0)
    granted = story.world.balance(story.customer)
    story.advance("2026-04-30T10:00:00")
    assert story.world.balance(story.customer) == granted
    assert "plan.roll_over" not in [operation for _, operation, _ in history(story)]


def test_a_month_that_was_paused_carries_nothing(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)
    story.act(subscription, "pause")
    story.advance("2026-04-05T10:00:00")
    story.act(subscription, "resume")
    story.advance("2026-04-05T10:00:01")

    assert story.world.balance(story.customer) == 1000


def test_other_credits_stay_as_they_are(story: Story) -> None:
    story.subscribe("pro", trial_days=0)
    body = {"customer_id": story.customer, "amount": 50, "reason": "welcome"}
    assert story.world.call("POST", "/credits/grants", body).status_code == 201
    use(story, 40)

    story.advance("2026-02-28T10:00:00")

    assert story.world.balance(story.customer) == 50 + 1000 + 300


@pytest.mark.parametrize(
    "point",
    ["subscriptions.allowance_granted", "subscriptions.roll_over_committed", "subscriptions.roll_over_granted"],
)
def test_a_worker_that_dies_at_any_line_carries_over_once(
    story: Story, fails_at: Callable[[str], None], point: str
) -> None:
    story.subscribe("pro", trial_days=0)
    use(story, 800)
    fails_at(point)

    story.advance("2026-02-28T10:00:00")
    story.world.make_all_due()
    story.world.work()

    assert story.world.balance(story.customer) == 1200
    assert [row for row in history(story) if row[1] == "plan.roll_over"] == [("grant", "plan.roll_over", 200)]


def test_the_server_loses_its_memory_between_the_month_and_what_it_carries(
    story: Story, fails_at: Callable[[str], None]
) -> None:
    story.subscribe("pro", trial_days=0)
    use(story, 800)
    fails_at("subscriptions.roll_over_committed")
    story.advance("2026-02-28T10:00:00")

    story.world.runtime.credits.redis.flushall()
    story.world.open_credits()
    story.world.make_all_due()
    story.world.work()

    assert story.world.balance(story.customer) == 1200
