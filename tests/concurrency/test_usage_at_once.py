"""Usage under many hands: the same events from twenty senders count once, and no total misses one."""

from collections import Counter
from collections.abc import Iterator

import pytest

from billing.clock import utc_now
from billing.usage.charge import charge_due
from tests.concurrency.crowd import at_once
from tests.integration.usage.stories import (
    add_meter,
    deductions,
    event,
    metered,
    report,
    require_whole,
)
from tests.service.world import World

CROWD = 20


@pytest.fixture
def crowded(world: World) -> Iterator[World]:
    """A service with a connection for each of the crowd: who waits for one would be answered 503 after a second."""
    with World.open(world.servers, DATABASE_POOL_SIZE=CROWD) as opened:
        yield opened


def test_twenty_identical_batches_count_once(crowded: World) -> None:
    add_meter(crowded, credits_per_unit="1/100")
    customers = [crowded.customer_with_credits(1_000) for _ in range(3)]
    batch = [event(customers[number % 3], 10) for number in range(60)]
    crowded.key()

    # Each in an order of its own: who takes the rows one way and who the other must not wait for each other.
    answers = at_once(CROWD, lambda n: report(crowded, batch[n:] + batch[:n]))

    assert {answer.status_code for answer in answers} == {200}
    assert Counter(result["status"] for answer in answers for result in answer.json["data"]) == {
        "accepted": 60, "duplicate": 60 * (CROWD - 1),
    }  # fmt: skip
    assert sum(int(row["quantity"]) for row in metered(crowded)) == 600
    at_once(4, lambda _: charge_due(crowded.runtime, now=utc_now))
    crowded.work()
    assert [crowded.balance(customer) for customer in customers] == [998, 998, 998]
    require_whole(crowded)


def test_events_of_one_day_from_many_senders_cost_what_the_day_costs(crowded: World) -> None:
    add_meter(crowded, credits_per_unit="1/3", rounding="half_up")
    customer = crowded.customer_with_credits(1_000)
    crowded.key()

    answers = at_once(CROWD, lambda _: report(crowded, [event(customer, "0.7") for _ in range(10)]))

    assert {result["status"] for answer in answers for result in answer.json["data"]} == {"accepted"}
    crowded.work()
    assert metered(crowded)[0]["quantity"] == "140"
    assert sum(row["amount"] for row in deductions(crowded)) == 47
    require_whole(crowded)
