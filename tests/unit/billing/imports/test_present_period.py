"""In which period an imported subscription is: the one that begins where the file says, and no other."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.imports.subscriptions import RowRefused, SubscriptionRow, present_period
from models.price import PriceInterval
from tests.unit.billing.imports.test_run import subscription


def day(month: int, of_month: int, year: int = 2026) -> datetime:
    return datetime(year, month, of_month, tzinfo=UTC)


def row(**changed: Any) -> SubscriptionRow:
    return subscription(2, "s")._replace(**changed)


def test_the_next_renewal_is_on_the_anchors_day() -> None:
    cycle, period = present_period(row(current_period_start=day(2, 28), billing_anchor_day=31), at=day(3, 15))

    assert (period.start, period.end) == (day(2, 28), day(3, 31))
    assert cycle.boundary(2) == day(4, 30)


def test_a_trial_ends_where_it_did_and_its_periods_begin_there() -> None:
    cycle, period = present_period(row(current_period_start=day(3, 1), trial_end=day(3, 20)), at=day(3, 15))

    assert (period.start, period.end) == (day(3, 1), day(3, 20))
    assert (cycle.anchor, cycle.day) == (day(3, 20), 20)


@pytest.mark.parametrize(
    ("changed", "column", "said"),
    [
        ({"current_period_start": day(1, 10)}, "current_period_start", "was over on 2026-02-10"),
        ({"current_period_start": day(3, 16)}, "current_period_start", "begins on 2026-03-16, which is to come"),
        ({"current_period_start": day(3, 1), "billing_anchor_day": 2}, "billing_anchor_day", "not the anchor day 2"),
        ({"current_period_start": day(3, 1), "trial_end": day(3, 15)}, "trial_end", "was over on 2026-03-15"),
        ({"current_period_start": day(3, 16), "trial_end": day(3, 20)}, "current_period_start", "has not begun"),
    ],
)
def test_what_would_bill_twice_or_for_the_past_is_refused(changed: dict[str, Any], column: str, said: str) -> None:
    with pytest.raises(RowRefused, match=said) as raised:
        present_period(row(**changed), at=day(3, 15))

    assert raised.value.fault.column == column


instants = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001 - replaced at once
    lambda at: at.replace(tzinfo=UTC, microsecond=0)
)


@given(instants, instants, st.sampled_from(PriceInterval))
def test_the_present_is_in_the_period_or_the_row_is_refused(
    start: datetime, at: datetime, interval: PriceInterval
) -> None:
    try:
        _, period = present_period(row(current_period_start=start, interval=interval), at=at)
    except RowRefused:
        return
    assert period.holds(at)
    assert period.start == start
