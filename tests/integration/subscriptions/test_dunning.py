"""An invoice is not paid: it is tried again, the customer is served for a while, and then it ends; or it is paid after all."""

import pytest

from tests.integration.subscriptions.stories import Story
from tests.service.servers import ServiceServers
from tests.service.world import World


@pytest.fixture
def story(world: World) -> Story:
    world.open_credits()
    story = Story(world, begins="2026-12-01T00:00:00")
    story.subscribe("pro", trial_days=0)
    return story


def status(story: Story) -> str:
    (found,) = story.world.call("GET", f"/subscriptions?customer_id={story.customer}").json["data"]
    return str(found["status"])


def plan(story: Story) -> str:
    return str(story.world.call("GET", f"/customers/{story.customer}/entitlements").json["plan"])


def test_a_soft_decline_is_tried_on_days_1_3_5_and_7_and_then_it_ends(story: Story) -> None:
    story.use_card("pm_card_chargeCustomerFail")

    steps = []
    for day in (1, 2, 4, 6, 8):
        story.advance(f"2027-01-{day:02d}T00:00:00")
        (case,) = story.cases()
        steps.append((case["failures"], case["next_step"], (case["next_step_at"] or "")[:10], status(story)))

    assert steps == [
        (1, "retry", "2027-01-02", "past_due"),
        (2, "retry", "2027-01-04", "past_due"),
        (3, "retry", "2027-01-06", "past_due"),
        (4, "retry", "2027-01-08", "past_due"),
        (5, None, "", "canceled"),
    ]
    assert story.cases()[0]["status"] == "exhausted"
    assert [invoice["status"] for invoice in story.invoices()] == ["paid", "uncollectible"]
    assert story.books()["bad_debt"] == 3480
    assert "receivable" not in story.books()


def test_features_stay_for_the_days_of_grace(story: Story) -> None:
    story.use_card("pm_card_chargeCustomerFail")

    story.advance("2027-01-03T23:59:59")
    assert plan(story) == "pro"
    story.advance("2027-01-04T00:00:00")
    assert plan(story) == "free"


def test_another_card_that_works_ends_the_case(story: Story) -> None:
    story.use_card("pm_card_chargeCustomerFail")
    story.advance("2027-01-01T00:00:00")

    story.use_card("pm_card_visa")
    story.advance("2027-01-02T00:00:00")

    (case,) = story.cases()
    assert (case["status"], case["failures"], case["next_step"]) == ("recovered", 1, None)
    assert status(story) == "active"
    assert [invoice["status"] for invoice in story.invoices()] == ["paid", "paid"]
    assert len(story.world.all_charges()) == 2


def test_another_default_card_is_tried_at_once(story: Story) -> None:
    story.use_card("pm_card_chargeCustomerFail")
    story.advance("2027-01-01T00:00:00")

    story.use_card("pm_card_visa")
    (case,) = story.cases()
    assert (case["next_step"], case["next_step_at"]) == ("retry", "2027-01-01T00:00:00.000Z")
    story.advance("2027-01-01T00:00:01")

    assert [case["status"] for case in story.cases()] == ["recovered"]
    assert status(story) == "active"


def test_without_a_card_nothing_is_tried_until_the_schedule_ends(world: World) -> None:
    world.open_credits()
    story = Story(world, begins="2026-12-01T00:00:00", card=None)
    story.subscribe("pro", trial_days=30)

    story.advance("2026-12-31T00:00:00")
    (case,) = story.cases()
    assert (case["category"], case["next_step"], case["next_step_at"][:10]) == ("hard", "final_action", "2027-01-07")
    story.advance("2027-01-07T00:00:00")

    assert status(story) == "canceled"


def test_who_has_to_authenticate_is_waited_for(story: Story) -> None:
    story.use_card("pm_card_authenticationRequired")
    story.advance("2027-01-01T00:00:00")

    (case,) = story.cases()
    assert (case["category"], case["next_step"]) == ("action_required", "final_action")


def test_an_uncollectible_invoice_can_still_be_paid(story: Story) -> None:
    story.use_card("pm_card_chargeCustomerFail")
    story.advance("2027-01-08T00:00:00")
    invoice = story.invoices()[1]

    story.world.call("POST", f"/invoices/{invoice['id']}/pay", {"payment_method": "pm_card_visa"})
    story.world.work()

    assert story.invoices()[1]["status"] == "paid"
    assert story.books() == {"gateway_clearing": 2 * 3480, "revenue": -2 * 2900, "tax_payable": -2 * 580}


def test_a_failure_that_webhooks_tell_of_again_is_counted_once(story: Story) -> None:
    story.use_card("pm_card_chargeCustomerFail")
    story.advance("2027-01-01T00:00:00")
    payment = story.world.payment(story.invoices()[1]["payments"][0]["id"])

    story.world.deliver(*story.world.events_about(payment["gateway_id"]))
    story.world.work()
    story.world.deliver(*story.world.events_about(payment["gateway_id"]))
    story.world.work()

    (case,) = story.cases()
    assert (case["failures"], case["next_step_at"][:10]) == (1, "2027-01-02")


@pytest.mark.parametrize(
    ("action", "subscription", "plan_then"),
    [("cancel", "canceled", "free"), ("pause", "paused", "free"), ("uncollectible", "active", "pro")],
)
def test_the_final_action_is_what_the_setting_says(
    servers: ServiceServers, action: str, subscription: str, plan_then: str
) -> None:
    servers.reset()
    with World.open(servers, DUNNING_FINAL_ACTION=action) as world:
        world.open_credits()
        story = Story(world, begins="2026-12-01T00:00:00")
        story.subscribe("pro", trial_days=0)
        story.use_card("pm_card_chargeCustomerFail")
        story.advance("2027-01-08T00:00:00")

        assert (status(story), plan(story)) == (subscription, plan_then)
        assert [invoice["status"] for invoice in story.invoices()] == ["paid", "uncollectible"]
        assert [case["status"] for case in story.cases()] == ["exhausted"]
        assert story.books()["bad_debt"] == 3480


def test_a_subscription_that_was_paused_for_not_paying_is_billed_again_after_it_is_resumed(
    servers: ServiceServers,
) -> None:
    servers.reset()
    with World.open(servers, DUNNING_FINAL_ACTION="pause") as world:
        world.open_credits()
        story = Story(world, begins="2026-12-01T00:00:00")
        subscription = story.subscribe("pro", trial_days=0)
        story.use_card("pm_card_chargeCustomerFail")
        story.advance("2027-02-15T00:00:00")
        assert [invoice["status"] for invoice in story.invoices()] == ["paid", "uncollectible"]

        story.use_card("pm_card_visa")
        story.act(subscription, "resume")
        story.advance("2027-03-02T00:00:00")

        assert status(story) == "active"
        assert [invoice["status"] for invoice in story.invoices()] == ["paid", "uncollectible", "paid"]
