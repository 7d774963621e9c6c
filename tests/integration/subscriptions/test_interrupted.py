"""What is due is cut off in the middle: the next run does it, once."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from billing.clock import utc_now
from billing.subscriptions.run_due import run_due
from tests.service.world import World

SUBSCRIPTIONS = 5


@pytest.mark.parametrize("point", ["subscriptions.before_commit", "subscriptions.after_commit"])
def test_a_billing_run_that_fails_at_any_line_invoices_each_period_once(
    world: World, fails_at: Callable[[str], None], point: str
) -> None:
    world.open_credits()
    for _ in range(SUBSCRIPTIONS):
        world.call("POST", "/subscriptions", {"customer_id": world.customer(), "plan": "free"})
    fails_at(point)

    at = utc_now() + timedelta(days=40)
    while run_due(world.runtime, at=at, now=utc_now()):
        pass

    counts = world.rows("SELECT count(*) AS n FROM invoices GROUP BY subscription_id")
    assert [row["n"] for row in counts] == [2] * SUBSCRIPTIONS
    assert world.count("subscriptions WHERE parked_at IS NOT NULL") == 0


def test_credits_of_a_month_that_were_given_and_not_noted_are_not_given_again(
    world: World, fails_at: Callable[[str], None]
) -> None:
    world.open_credits()
    customer = world.customer()
    world.call("POST", "/subscriptions", {"customer_id": customer, "plan": "free"})
    fails_at("subscriptions.allowance_granted")
    world.work()

    world.make_all_due()
    world.work()

    assert world.balance(customer) == 100
    assert world.count("plan_allowances WHERE granted_at IS NOT NULL") == 1
