"""While a customer has a plan of unlimited credits, its deductions are counted and never refused."""

from collections.abc import Callable, Iterator

import pytest

from tests.integration.subscriptions.stories import Story
from tests.service.catalog import catalog_kept, change_catalog
from tests.service.world import World

UNLIMITED = (
    "UPDATE plan_versions SET credits_per_month = NULL, credits_unlimited = true FROM plans "
    "WHERE plans.id = plan_id AND code = 'team'"
)


@pytest.fixture
def story(world: World) -> Iterator[Story]:
    with catalog_kept(world):
        change_catalog(world, UNLIMITED)
        world.open_credits()
        yield Story(world, begins="2026-01-31T10:00:00")


def use(story: Story, amount: int = 70) -> int:
    """Return with what a deduction is answered."""
    body = {"customer_id": story.customer, "amount": amount, "operation": "ai.generate"}
    return story.world.call("POST", "/credits/deduct", body).status_code


def limits(story: Story) -> list[str]:
    """Return who or what has changed the account's limit, oldest first."""
    page = story.world.call("GET", f"/credits/history?customer_id={story.customer}&limit=100").json["data"]
    return [row["operation"] for row in reversed(page) if row["type"] == "limit_changed"]


def test_uses_are_counted_and_not_refused_until_the_plan_ends(story: Story) -> None:
    assert use(story) == 402
    subscription = story.subscribe("team", trial_days=0)

    assert use(story) == 200
    usage = story.world.call("GET", f"/credits/balance?customer_id={story.customer}").json
    assert (usage["unlimited"], usage["balance"]) == (True, 0)

    story.act(subscription, "cancel")
    story.advance("2026-02-28T09:59:59")
    assert use(story) == 200
    story.advance("2026-02-28T10:00:00")
    assert use(story) == 402
    assert limits(story) == ["plan.credit_limit", "plan.credit_limit"]


def test_a_trial_and_a_renewal_change_nothing_again(story: Story) -> None:
    story.subscribe("team")
    assert use(story) == 200

    story.advance("2026-04-01T10:00:00")

    assert use(story) == 200
    assert limits(story) == ["plan.credit_limit"]


def test_a_pause_ends_it_and_its_end_brings_it_back(story: Story) -> None:
    subscription = story.subscribe("team", trial_days=0)
    story.act(subscription, "pause")
    story.world.work()
    assert use(story) == 402

    story.act(subscription, "resume")
    story.world.work()
    assert use(story) == 200


def test_a_subscription_that_is_not_paid_yet_lifts_nothing(world: World) -> None:
    with catalog_kept(world):
        change_catalog(world, UNLIMITED)
        world.open_credits()
        story = Story(world, begins="2026-01-31T10:00:00", card="pm_card_chargeCustomerFail")
        assert story.subscribe("team", trial_days=0)["status"] == "incomplete"

        assert use(story) == 402
        assert limits(story) == []


def test_beside_a_plan_with_a_limit_the_other_one_counts(story: Story) -> None:
    story.subscribe("pro", trial_days=0)
    lifted = story.subscribe("team", trial_days=0)
    assert use(story, 5_000) == 200
    assert story.world.balance(story.customer) == 1000

    story.act(lifted, "cancel", at="now")
    story.world.work()

    assert (use(story, 5_000), use(story, 900)) == (402, 200)


@pytest.mark.parametrize("point", ["subscriptions.credit_limit_committed", "subscriptions.credit_limit_made"])
def test_a_worker_that_dies_at_any_line_changes_it_once(
    story: Story, fails_at: Callable[[str], None], point: str
) -> None:
    fails_at(point)
    story.subscribe("team", trial_days=0)

    story.world.make_all_due()
    story.world.work()

    assert use(story) == 200
    assert limits(story) == ["plan.credit_limit"]
    assert story.world.count("plan_credit_limits WHERE unlimited AND pending_id IS NULL") == 1
