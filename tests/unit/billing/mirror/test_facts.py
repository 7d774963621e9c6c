"""Which event tells of the step from one state to another."""

import pytest

from billing.event_types import EVENT_TYPES
from billing.mirror.facts import fact_of
from models.subscription import SubscriptionStatus


@pytest.mark.parametrize(
    ("was", "now", "fact"),
    [
        ("incomplete", "active", "subscription.activated"),
        ("trialing", "active", "subscription.trial_ended"),
        ("trialing", "canceled", "subscription.canceled"),
        ("active", "past_due", "subscription.past_due"),
        ("past_due", "active", "subscription.recovered"),
        ("trialing", "paused", "subscription.paused"),
        ("paused", "active", "subscription.resumed"),
        ("incomplete", "expired", "subscription.expired"),
        ("active", "trialing", "subscription.changed"),
        ("active", "active", None),
    ],
)
def test_a_step_is_told_by_one_event(was: str, now: str, fact: str | None) -> None:
    before, after = ({"status": status, "current_period_start": "2026"} for status in (was, now))

    assert fact_of(before, after) == fact


def test_every_step_that_there_can_be_has_an_event_of_ours() -> None:
    for was in SubscriptionStatus:
        for now in SubscriptionStatus:
            states = ({"status": str(status), "current_period_start": "2026"} for status in (was, now))
            fact = fact_of(*states)
            assert (fact is None) == (was is now)
            assert fact is None or fact in EVENT_TYPES


def test_a_new_period_is_a_renewal_and_the_first_look_a_creation() -> None:
    before = {"status": "active", "current_period_start": "2026-01-31", "plan": "pro"}

    assert fact_of(None, before) == "subscription.created"
    assert fact_of(before, {**before, "current_period_start": "2026-02-28"}) == "subscription.renewed"
    assert fact_of(before, {**before, "plan": "team"}) == "subscription.changed"
