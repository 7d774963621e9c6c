"""Billing runs side by side, roll-backs, and deaths: each period is invoiced once, and numbers have no gap."""

from collections import Counter, defaultdict
from datetime import timedelta

import pytest

from billing.clock import utc_now
from billing.invoicing.numbers import take_numbers
from billing.subscriptions.run_due import run_due
from tests.concurrency.crowd import at_once
from tests.service.world import World

SUBSCRIPTIONS = 30
LATER = timedelta(days=40)


@pytest.fixture
def subscribed(world: World) -> World:
    """Customers of the free plan, each with the first of its invoices."""
    world.open_credits()
    for _ in range(SUBSCRIPTIONS):
        answer = world.call("POST", "/subscriptions", {"customer_id": world.customer(), "plan": "free"})
        assert answer.status_code == 201, answer.text
    return world


def invoices(world: World) -> Counter[str]:
    return Counter(str(row["subscription_id"]) for row in world.rows("SELECT subscription_id FROM invoices"))


def gaps(world: World) -> list[str]:
    """Return the series whose numbers are not 1, 2, 3, …: the run may be in another year than the first invoices."""
    series: dict[str, list[int]] = defaultdict(list)
    for row in world.rows("SELECT number FROM invoices"):
        name, _, number = row["number"].rpartition("-")
        series[name].append(int(number))
    return [name for name, found in series.items() if sorted(found) != list(range(1, len(found) + 1))]


def run_to_the_end(world: World) -> int:
    at, done = utc_now() + LATER, 0
    while found := run_due(world.runtime, at=at, now=utc_now(), limit=7):
        done += found
    return done


def test_four_billing_runs_at_once_invoice_each_period_once(subscribed: World) -> None:
    at_once(4, lambda _: run_to_the_end(subscribed))
    run_to_the_end(subscribed)  # what one of them left to another that held it

    assert set(invoices(subscribed).values()) == {2}
    assert gaps(subscribed) == []


def test_fifty_at_once_with_roll_backs_leave_no_gap(world: World) -> None:
    def take(number: int) -> str | None:
        with world.session() as session:
            (taken,) = take_numbers(session, ["INV-2026"])
            if number % 5 == 0:
                session.rollback()
                return None
            return taken

    taken = sorted(number for number in at_once(50, take) if number is not None)

    assert taken == [f"INV-2026-{number:06d}" for number in range(1, 41)]


def test_one_that_cannot_be_billed_is_parked_and_stops_none_of_the_others(subscribed: World) -> None:
    (broken,) = subscribed.rows("SELECT id FROM subscriptions ORDER BY id LIMIT 1")
    with subscribed.session() as session:
        connection = session.connection()
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(
            "UPDATE subscriptions SET plan_version_id = gen_random_uuid() WHERE id = %(id)s", {"id": broken["id"]}
        )

    run_to_the_end(subscribed)

    assert Counter(invoices(subscribed).values()) == {2: SUBSCRIPTIONS - 1, 1: 1}
    (parked,) = subscribed.rows("SELECT id, parked_reason FROM subscriptions WHERE parked_at IS NOT NULL")
    assert parked["id"] == broken["id"]
    assert parked["parked_reason"]
