"""What is used of metered prices is billed when its period has ended: each event once, in its own period."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.subscriptions.stories import Story
from tests.integration.usage.stories import add_meter, event, results
from tests.service.catalog import catalog_kept, change_catalog
from tests.service.world import World

# Of a thousand tokens the first hundred are free; the others cost two cents, from the five hundredth on one.
TIERS = (
    '[{"up_to": 100, "unit_amount": "0", "flat_amount": "0"}, {"up_to": 500, "unit_amount": "2", "flat_amount": "0"}, '
    '{"up_to": null, "unit_amount": "1", "flat_amount": "0"}]'
)
PRO = "(SELECT max(v.id::text)::uuid FROM plan_versions v JOIN plans p ON p.id = v.plan_id WHERE p.code = 'pro')"


@pytest.fixture
def story(world: World) -> Iterator[Story]:
    world.open_credits()
    add_meter(world)
    with catalog_kept(world):
        change_catalog(
            world,
            "INSERT INTO prices (id, version_id, interval, currency, component, scheme, tiers, meter, tax_behavior, created_at) "
            f"VALUES ('01a00000-0000-7000-8000-0000000d0001', {PRO}, 'month', 'USD', 'tokens', 'graduated', "
            f"'{TIERS}'".replace(":", "\\:")
            + ", 'ai_tokens', 'exclusive', now())",
        )
        yield Story(world, begins="2026-01-01T00:00:00")


def use(story: Story, tokens: object, at: str) -> None:
    """Report tokens as used at a time, by the clock of the customer."""
    sent = event(story.customer, tokens, at=datetime.fromisoformat(at).replace(tzinfo=UTC))
    assert results(story.world, [sent]) == ["accepted"]


def usage(invoice: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [
        (line["amount"], line["description"], line["formula"]) for line in invoice["lines"] if line["kind"] == "usage"
    ]


def test_a_periods_usage_is_on_the_invoice_of_the_next_one(story: Story) -> None:
    story.subscribe("pro", trial_days=0)
    story.advance("2026-01-10T12:00:00")
    use(story, 350, "2026-01-10T11:00:00")
    use(story, 250, "2026-01-10T11:30:00")

    story.advance("2026-03-02T00:00:00")

    assert [usage(invoice) for invoice in story.invoices()] == [
        [],
        [(900, "Pro: tokens, 600 ai_tokens", "100 × 0.00 + 400 × 0.02 + 100 × 0.01")],
        [],
    ]
    assert [invoice["subtotal_amount"] for invoice in story.invoices()] == [2900, 3800, 2900]


def test_events_that_come_late_count_in_their_own_period_and_are_billed_once(story: Story) -> None:
    story.subscribe("pro", trial_days=0)
    story.advance("2026-01-31T12:00:00")
    use(story, 400, "2026-01-31T11:00:00")
    story.advance("2026-02-01T12:00:00")
    use(story, 200, "2026-01-31T23:59:59")
    use(story, 50, "2026-02-01T00:00:00")

    story.advance("2026-04-02T00:00:00")

    late = "(100 × 0.00 + 400 × 0.02 + 100 × 0.01) - (100 × 0.00 + 300 × 0.02)"
    assert [usage(invoice) for invoice in story.invoices()] == [
        [],
        [(600, "Pro: tokens, 400 ai_tokens", "100 × 0.00 + 300 × 0.02")],
        [(300, "Pro: tokens, 200 ai_tokens, reported late", late), (0, "Pro: tokens, 50 ai_tokens", "50 × 0.00")],
        [],
    ]
    assert story.world.count("usage_billings WHERE closed_at IS NULL") == 1


def test_what_is_used_in_a_trial_is_not_billed(story: Story) -> None:
    story.subscribe("pro")
    use(story, 1_000, "2026-01-01T00:00:00")

    story.advance("2026-02-16T00:00:00")

    assert [usage(invoice) for invoice in story.invoices()] == [[], []]


def test_the_last_period_is_billed_when_the_subscription_ends(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)
    use(story, 200, "2026-01-01T00:00:00")
    story.act(subscription, "cancel")

    story.advance("2026-02-02T00:00:00")

    last = story.invoices()[-1]
    assert (last["billing_reason"], last["subtotal_amount"], last["status"]) == ("subscription_update", 200, "paid")


def test_what_was_used_before_a_change_of_plan_is_billed_for_the_time_before(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)
    use(story, 200, "2026-01-01T00:00:00")
    story.advance("2026-01-16T00:00:00")
    story.change(subscription, plan="team")
    story.advance("2026-01-17T00:00:00")
    use(story, 500, "2026-01-16T12:00:00")

    story.advance("2026-02-02T00:00:00")

    (line,) = [line for line in story.invoices()[-1]["lines"] if line["kind"] == "usage"]
    assert (line["amount"], line["period_start"][:10], line["period_end"][:10]) == (200, "2026-01-01", "2026-01-16")


def test_a_coupon_comes_off_usage_too(story: Story) -> None:
    change_catalog(
        story.world,
        "INSERT INTO coupons (id, code, name, percent_off, duration, active, created_at) "
        "VALUES ('01a00000-0000-7000-8000-0000000d0002', 'HALF', 'Half', 50, 'forever', true, now())",
    )
    story.subscribe("pro", trial_days=0, coupon="HALF")
    use(story, 200, "2026-01-01T00:00:00")

    story.advance("2026-02-02T00:00:00")

    assert [line["discount_amount"] for line in story.invoices()[-1]["lines"]] == [100, 1450]


def test_who_cancels_at_once_is_billed_for_what_was_used_and_what_waited(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0, proration_policy={"granularity": "day"})
    use(story, 200, "2026-01-01T00:00:00")
    story.advance("2026-01-16T00:00:00")
    story.change(subscription, plan="team", proration="create")

    story.act(subscription, "cancel", at="now")
    story.world.work()

    last = story.invoices()[-1]
    assert [line["amount"] for line in last["lines"]] == [-1497, 5110, 200]
    assert last["status"] == "paid"


def test_who_never_paid_is_not_billed_for_what_was_used(story: Story) -> None:
    story.use_card("pm_card_chargeCustomerFail")
    subscription = story.subscribe("pro", trial_days=0)
    use(story, 200, "2026-01-01T00:00:00")
    story.advance("2026-01-01T10:00:00")

    story.act(subscription, "cancel", at="now")

    assert [invoice["status"] for invoice in story.invoices()] == ["void"]
