"""Time passes: renewals, the end of trials, cancellation, pauses, credits of each month."""

import pytest

from tests.integration.subscriptions.stories import Story
from tests.service.world import World


@pytest.fixture
def story(world: World) -> Story:
    world.open_credits()
    return Story(world, begins="2026-01-31T10:00:00")


def periods(story: Story) -> list[tuple[str, str]]:
    return [(invoice["period_start"][:10], invoice["period_end"][:10]) for invoice in story.invoices()]


def test_a_subscription_of_31_january_is_billed_on_the_last_day_of_shorter_months(story: Story) -> None:
    story.subscribe("pro", trial_days=0)

    story.advance("2026-05-01T00:00:00")

    assert periods(story) == [
        ("2026-01-31", "2026-02-28"),
        ("2026-02-28", "2026-03-31"),
        ("2026-03-31", "2026-04-30"),
        ("2026-04-30", "2026-05-31"),
    ]
    assert {invoice["status"] for invoice in story.invoices()} == {"paid"}
    assert [invoice["number"] for invoice in story.invoices()] == [f"TEST-2026-{n:06d}" for n in (1, 2, 3, 4)]
    assert len(story.world.all_charges()) == 4
    assert story.books() == {"gateway_clearing": 4 * 3480, "revenue": -4 * 2900, "tax_payable": -4 * 580}


def test_a_trial_ends_with_the_first_invoice(story: Story) -> None:
    subscription = story.subscribe("pro")

    story.advance("2026-02-14T10:00:00")

    assert story.subscription(subscription["id"])["status"] == "active"
    assert periods(story) == [("2026-02-14", "2026-03-14")]


def test_the_customer_is_told_three_days_before_a_trial_ends(story: Story) -> None:
    story.subscribe("pro")

    story.advance("2026-02-11T09:59:59")
    before = story.world.count("outbox_events WHERE type = 'subscription.trial_ending'")
    story.advance("2026-02-11T10:00:00")

    assert before == 0
    assert story.world.count("outbox_events WHERE type = 'subscription.trial_ending'") == 1


def test_a_trial_across_the_end_of_a_month(world: World) -> None:
    world.open_credits()
    story = Story(world, begins="2028-02-20T10:00:00")
    subscription = story.subscribe("pro", trial_days=10)

    assert subscription["trial_end"] == "2028-03-01T10:00:00.000Z"


def test_each_month_brings_the_plans_credits_once_also_where_a_year_is_paid(story: Story) -> None:
    story.subscribe("team", interval="year", trial_days=0)

    story.advance("2026-04-15T00:00:00")

    assert len(story.invoices()) == 1
    grants = story.world.rows("SELECT amount, remaining FROM credit_grants ORDER BY id")
    assert [(grant["amount"], grant["remaining"]) for grant in grants] == [(5_000, 0), (5_000, 0), (5_000, 5_000)]
    assert story.world.balance(story.customer) == 5_000


def test_who_cancels_keeps_what_is_paid_for_until_its_end(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)

    canceled = story.act(subscription, "cancel", reason="too dear")
    assert (canceled["status"], canceled["cancel_at_period_end"]) == ("active", True)
    story.advance("2026-03-10T00:00:00")

    ended = story.subscription(subscription["id"])
    assert (ended["status"], ended["ended_at"], ended["cancel_reason"]) == (
        "canceled",
        "2026-02-28T10:00:00.000Z",
        "too dear",
    )
    assert len(story.invoices()) == 1


def test_a_cancellation_can_be_withdrawn(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)
    story.act(subscription, "cancel")

    story.act(subscription, "resume")
    story.advance("2026-03-10T00:00:00")

    assert story.subscription(subscription["id"])["status"] == "active"
    assert len(story.invoices()) == 2


def test_a_pause_is_not_billed_and_ends_by_itself(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)

    paused = story.act(subscription, "pause", until="2026-04-10T00:00:00Z")
    assert paused["status"] == "paused"
    assert story.world.call("GET", f"/customers/{story.customer}/entitlements").json["plan"] == "free"
    story.advance("2026-04-09T00:00:00")
    assert len(story.invoices()) == 1
    story.advance("2026-05-01T00:00:00")

    assert story.subscription(subscription["id"])["status"] == "active"
    assert periods(story) == [("2026-01-31", "2026-02-28"), ("2026-04-30", "2026-05-31")]


def test_what_does_not_renew_ends(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0, auto_renew=False)

    story.advance("2026-03-10T00:00:00")

    assert story.subscription(subscription["id"])["status"] == "canceled"


def test_what_is_not_paid_within_a_day_was_never_a_subscription(story: Story) -> None:
    story.use_card("pm_card_chargeCustomerFail")
    subscription = story.subscribe("pro", trial_days=0)

    story.advance("2026-02-02T00:00:00")

    assert story.subscription(subscription["id"])["status"] == "expired"
    assert [invoice["status"] for invoice in story.invoices()] == ["void"]
    assert story.books() == {}
    assert story.subscribe("pro", payment_method="pm_card_visa", trial_days=0)["status"] == "active"


def test_free_renews_for_nothing(story: Story) -> None:
    story.subscribe("free")

    story.advance("2026-03-10T00:00:00")

    assert [(invoice["status"], invoice["total_amount"]) for invoice in story.invoices()] == [("paid", 0), ("paid", 0)]
    assert story.world.balance(story.customer) == 100


def test_invoices_of_a_pause_are_kept_as_drafts_and_charged_when_it_ends(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)
    story.act(subscription, "pause", behavior="keep_as_draft", until="2026-04-15T00:00:00Z")

    story.advance("2026-04-10T00:00:00")
    kept = [invoice["status"] for invoice in story.invoices()]
    story.advance("2026-04-16T00:00:00")

    assert kept == ["paid", "draft", "draft"]
    assert [invoice["status"] for invoice in story.invoices()] == ["paid", "paid", "paid"]
    assert [invoice["number"][-6:] for invoice in story.invoices()] == ["000001", "000002", "000003"]
    assert story.subscription(subscription["id"])["status"] == "active"
    assert len(story.world.all_charges()) == 3


def test_drafts_of_a_pause_go_with_a_subscription_that_ends_in_it(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)
    story.act(subscription, "pause", behavior="keep_as_draft")
    story.advance("2026-04-10T00:00:00")

    story.act(subscription, "cancel", at="now")

    assert [invoice["status"] for invoice in story.invoices()] == ["paid"]


def test_who_ends_with_its_period_in_a_pause_leaves_no_draft(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)
    story.act(subscription, "pause", behavior="keep_as_draft")
    story.advance("2026-03-10T00:00:00")
    story.act(subscription, "cancel")

    story.advance("2026-04-10T00:00:00")

    assert story.subscription(subscription["id"])["status"] == "canceled"
    assert [invoice["status"] for invoice in story.invoices()] == ["paid"]
