"""What Stripe's state is in our words, and what a paid period brings."""

from datetime import UTC, datetime
from typing import Any

import pytest

from billing.gateways.errors import GatewayAnswerNotUnderstood
from billing.gateways.snapshots import RecurringSnapshot
from billing.mirror.state import credits_of_period, interval_of, pays_for_present, state_of
from models.price import PriceInterval
from models.subscription import SubscriptionStatus
from tests.unit.billing.mirror.snapshots import END, START, subscription


def state(**changed: Any) -> dict[str, Any]:
    there = subscription(**changed)
    return state_of(there, item=there.items[0])


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("incomplete", SubscriptionStatus.INCOMPLETE),
        ("incomplete_expired", SubscriptionStatus.EXPIRED),
        ("trialing", SubscriptionStatus.TRIALING),
        ("active", SubscriptionStatus.ACTIVE),
        ("past_due", SubscriptionStatus.PAST_DUE),
        ("unpaid", SubscriptionStatus.PAST_DUE),
        ("paused", SubscriptionStatus.PAUSED),
        ("canceled", SubscriptionStatus.CANCELED),
    ],
)
def test_each_status_of_stripes_is_one_of_ours_and_the_columns_fit_it(theirs: str, ours: SubscriptionStatus) -> None:
    found = state(status=theirs, ended_at=END if theirs == "canceled" else None)

    assert (found["status"], found["gateway_status"]) == (ours, theirs)
    assert (found["ended_at"] is not None) == (ours in {SubscriptionStatus.CANCELED, SubscriptionStatus.EXPIRED})
    assert (found["past_due_since"] is not None) == (ours is SubscriptionStatus.PAST_DUE)


@pytest.mark.parametrize("changed", [{"status": "dormant"}, {"collection_method": "barter"}])
def test_what_stripe_does_not_document_is_an_error_that_names_it(changed: dict[str, str]) -> None:
    with pytest.raises(GatewayAnswerNotUnderstood, match=next(iter(changed.values()))):
        state(**changed)


def test_past_due_is_since_its_invoice_was_finalized_and_without_one_since_the_period_began() -> None:
    assert state(status="past_due")["past_due_since"] == datetime.fromtimestamp(START + 60, UTC)
    assert state(status="past_due", latest_invoice=None)["past_due_since"] == datetime.fromtimestamp(START, UTC)


def test_an_end_on_the_period_s_last_second_is_one_at_its_end() -> None:
    assert state(cancel_at=END)["cancel_at_period_end"] is True
    assert state(cancel_at=END + 1)["cancel_at_period_end"] is False


@pytest.mark.parametrize(
    ("interval", "count", "ours", "credits_"),
    [
        ("week", 1, PriceInterval.WEEK, 233),
        ("day", 1, None, 33),
        ("month", 1, PriceInterval.MONTH, 1_000),
        ("month", 2, None, 2_000),
        ("month", 3, PriceInterval.QUARTER, 3_000),
        ("month", 12, PriceInterval.YEAR, 12_000),
        ("year", 1, PriceInterval.YEAR, 12_000),
        ("year", 2, None, 24_000),
    ],
)
def test_a_period_brings_the_credits_of_its_months(
    interval: str, count: int, ours: PriceInterval | None, credits_: int
) -> None:
    recurring = RecurringSnapshot(interval=interval, interval_count=count, usage_type="licensed")

    assert (interval_of(recurring), credits_of_period(1_000, recurring=recurring)) == (ours, credits_)


def test_a_period_is_paid_for_by_an_invoice_that_reaches_its_end() -> None:
    def pays(**changed: Any) -> bool:
        there = subscription(**changed)
        return pays_for_present(there, item=there.items[0])

    invoice: dict[str, Any] = {"id": "in_1", "created": START}
    before = {"data": [{"period": {"start": 0, "end": START}}], "has_more": False}
    assert pays()
    assert pays(status="trialing")
    assert not pays(status="past_due")
    assert not pays(latest_invoice=None)
    assert not pays(latest_invoice={**invoice, "status": "open", "lines": {**before, "has_more": True}})
    assert not pays(latest_invoice={**invoice, "status": "paid", "lines": before})
    assert pays(latest_invoice={**invoice, "status": "paid", "lines": {**before, "has_more": True}})
