"""On which day of the month what was anchored at Stripe goes on."""

from datetime import UTC, datetime

import pytest

from billing.mirror.import_subscription import cycle_on_from
from models.price import PriceInterval


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("end", "day", "following"),
    [
        ("2026-02-28T09:30:00", 31, "2026-03-31T09:30:00"),
        ("2026-02-28T09:30:00", 28, "2026-03-28T09:30:00"),
        ("2028-02-29T00:00:00", 30, "2028-03-30T00:00:00"),
        # A trial ended on another day than the anchor's.
        ("2026-02-17T00:00:00", 31, "2026-03-17T00:00:00"),
    ],
)
def test_it_goes_on_on_the_anchor_s_day_where_the_period_ends_by_it(end: str, day: int, following: str) -> None:
    cycle = cycle_on_from(at(end), interval=PriceInterval.MONTH, day=day)

    assert (cycle.boundary(0), cycle.boundary(1)) == (at(end), at(following))
