"""A dispute and refunds that race for the same money: together they never have more than was captured."""

import pytest

from billing.clock import utc_now
from billing.operation_runner import run_due_operations
from billing.webhooks.process import process_batch
from tests.concurrency.crowd import at_once, workers
from tests.service.world import World


@pytest.mark.parametrize("order", [1, -1])
def test_refunds_and_a_dispute_share_what_was_captured(world: World, order: int) -> None:
    payment = world.pay(world.customer())
    opened = world.open_dispute(payment)
    world.deliver(*world.events_about(opened["id"])[::order])

    def act(number: int) -> int:
        if number < 3:
            process_batch(world.runtime, now=utc_now)
            return 0
        return world.call("POST", "/payments/refund", {"payment_id": payment["id"], "amount": 1000}).status_code

    statuses = at_once(8, act)[3:]
    world.work()
    world.make_all_due()
    world.work()

    assert set(statuses) <= {202, 409, 422}
    assert world.count("disputes") == 1
    after = world.payment(payment["id"])
    assert (after["amount_refunded"], after["amount_disputed"]) == (0, 2900)  # the gateway refuses what was reserved
    assert {refund["status"] for refund in after["refunds"]} <= {"failed"}
    created = world.rows("SELECT count(*) AS n FROM outbox_events WHERE type = 'dispute.created'")[0]["n"]
    assert created == 1


def test_two_answers_at_once_are_one_operation(world: World) -> None:
    dispute = world.dispute(world.pay(world.customer()))
    path = f"/disputes/{dispute['id']}/evidence"

    answers = at_once(6, lambda number: world.call("POST", path, {"uncategorized_text": str(number)}))
    held = workers(world, 4)

    performed = at_once(4, lambda number: run_due_operations(held[number], now=utc_now))

    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409, 409, 409]
    assert sum(performed) == 1
