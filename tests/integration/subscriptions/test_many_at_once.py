"""Several renewals of one moment: their payments, invoices and credits are done in groups, and each once whatever fails."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.subscriptions.stories import Story
from tests.service.world import World

CUSTOMERS = 4


def a_clock_of_subscribers(world: World) -> list[Story]:
    """Subscribe several customers of one clock to Pro at one moment."""
    first = Story(world, begins="2026-01-31T00:00:00")
    others = [
        Story.of(world, clock=first.clock, customer=world.customer(test_clock=first.clock))
        for _ in range(CUSTOMERS - 1)
    ]
    for story in others:
        story.use_card("pm_card_visa")
    stories = [first, *others]
    for story in stories:
        story.subscribe(trial_days=0)
    return stories


@pytest.mark.parametrize(
    "point",
    [
        None,
        "payment.attempt_prepared",
        "operation.before_settlement",
        "operation.before_commit",
        "operation.before_invoices",
        "operation.invoices_before_commit",
        "subscriptions.allowance_granted",
        "outbox.told_together",
        "outbox.together_before_commit",
    ],
)
def test_each_is_charged_and_granted_once_whatever_fails(
    world: World, fails_at: Callable[[str], None], tmp_path: Path, point: str | None
) -> None:
    world.open_credits()
    stories = a_clock_of_subscribers(world)
    if point is not None:
        fails_at(point)

    stories[0].advance("2026-02-28T00:00:01")

    assert point is None or not (tmp_path / point).exists()  # it was passed
    for story in stories:
        assert [invoice["status"] for invoice in story.invoices()] == ["paid", "paid"]
        assert world.balance(story.customer) == 1_000  # the first month's have ended
    attempts = world.rows("SELECT payment_id, count(*) AS n FROM payment_attempts GROUP BY 1")
    assert [row["n"] for row in attempts] == [1] * 2 * CUSTOMERS
    assert len(world.all_charges()) == 2 * CUSTOMERS
    assert world.count("plan_allowances WHERE granted_at IS NULL") == 0
    assert world.count("operations WHERE finished_at IS NULL") == 0


@pytest.mark.parametrize(
    "point", [None, "operation.before_settlement", "operation.before_invoices", "operation.invoices_before_commit"]
)
def test_a_card_that_fails_among_others_leaves_them_paid(
    world: World, fails_at: Callable[[str], None], point: str | None
) -> None:
    world.open_credits()
    stories = a_clock_of_subscribers(world)
    stories[1].use_card("pm_card_chargeCustomerFail")
    if point is not None:
        fails_at(point)

    stories[0].advance("2026-02-28T00:00:01")

    statuses = [story.invoices()[-1]["status"] for story in stories]
    assert statuses == ["paid", "open", "paid", "paid"]
    (case,) = stories[1].cases()
    assert (case["status"], case["failures"]) == ("open", 1)
    failed = world.rows("SELECT resource_id, outcome_body FROM operations WHERE status = 'failed'")
    assert [row["outcome_body"]["code"] for row in failed] == ["payment_declined"]
    assert failed[0]["outcome_body"]["invoice_id"] == stories[1].invoices()[-1]["id"]
