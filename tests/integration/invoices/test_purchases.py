"""A purchase of credits has one paid invoice of one line, and its revenue is booked once."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from billing.clock import utc_now
from billing.credits.drain import drain_to_the_end
from billing.errors import Unavailable
from billing.fail_points import FailPointRaised
from billing.invoicing.purchase_invoice import invoice_purchases
from billing.operation_runner import run_due_operations
from billing.payments.representation import PREFIX as PAYMENT_PREFIX
from models.ids import row_id
from models.payment import Payment
from tests.concurrency.crowd import at_once, workers
from tests.integration.subscriptions.stories import Story
from tests.service.world import World


def buy(story: Story, **fields: object) -> dict[str, Any]:
    wish = {"customer_id": story.customer, "amount": 500, "payment_method": "pm_card_visa", **fields}
    accepted = story.world.call("POST", "/credits/purchase", wish)
    assert accepted.status_code == 202, accepted.text
    found: dict[str, Any] = accepted.json
    return found


def test_a_purchase_that_succeeds_has_one_paid_invoice_of_one_line_linked_to_its_payment(story: Story) -> None:
    bought = buy(story)
    story.world.work()
    story.world.deliver(*story.world.events())  # told again by the gateway
    story.world.work()

    with story.world.session() as session:  # and counted as captured once more
        payment = session.get_one(Payment, row_id(PAYMENT_PREFIX, bought["payment"]["id"]))
        invoice_purchases(session, [payment], number_prefix="INV", now=utc_now())
    (invoice,) = story.invoices()
    assert (invoice["billing_reason"], invoice["status"], invoice["number"]) == (
        "credit_purchase",
        "paid",
        "TEST-2026-000001",
    )
    assert [(line["kind"], line["description"], line["quantity"], line["amount"]) for line in invoice["lines"]] == [
        ("credit_pack", "500 credits", 500, 500)
    ]
    assert (invoice["total_amount"], invoice["amount_paid"], invoice["tax_amount"], invoice["taxes"]) == (
        500,
        500,
        0,
        [],
    )
    assert [payment["id"] for payment in invoice["payments"]] == [bought["payment"]["id"]]
    assert story.world.payment(invoice["payments"][0]["id"])["invoice_id"] == invoice["id"]


def test_its_money_is_deferred_once_and_earned_by_use_alone(story: Story) -> None:
    buy(story)
    story.world.work()
    assert story.books() == {"gateway_clearing": 500, "deferred_revenue": -500}

    used = {"customer_id": story.customer, "amount": 100, "operation": "render"}
    assert story.world.call("POST", "/credits/deduct", used).status_code == 200
    drain_to_the_end(story.world.runtime, now=utc_now)
    assert story.books() == {"gateway_clearing": 500, "deferred_revenue": -400, "revenue": -100}


def test_one_that_is_declined_has_no_invoice_and_leaves_no_gap(story: Story) -> None:
    buy(story, payment_method="pm_card_chargeDeclined")
    story.world.work()
    buy(story)
    story.world.work()

    assert [invoice["number"] for invoice in story.invoices()] == ["TEST-2026-000001"]


def test_a_refund_of_the_purchase_stays_as_it_was_and_leaves_the_invoice(story: Story) -> None:
    bought = buy(story)
    story.world.work()
    story.world.call("POST", "/payments/refund", {"payment_id": bought["payment"]["id"]})
    story.world.work()

    (invoice,) = story.invoices()
    assert (invoice["status"], invoice["amount_credited"]) == ("paid", 0)
    assert story.world.balance(story.customer) == 0


def test_many_purchases_settled_together_by_several_workers_have_one_invoice_each(world: World) -> None:
    world.open_credits()
    customers = [world.customer() for _ in range(12)]
    for customer in customers:
        wish = {"customer_id": customer, "amount": 500, "payment_method": "pm_card_visa"}
        assert world.call("POST", "/credits/purchase", wish).status_code == 202
    crowd = workers(world, 3)

    def work(number: int) -> None:
        for _ in range(20):
            try:
                run_due_operations(crowd[number], now=utc_now)
            except Unavailable:
                continue

    at_once(3, work)
    world.make_all_due()
    world.work()

    numbers = [row["number"] for row in world.rows("SELECT number FROM invoices ORDER BY number")]
    assert [int(number[-6:]) for number in numbers] == list(range(1, 13))
    assert len({row["customer_id"] for row in world.rows("SELECT customer_id FROM invoices")}) == 12


@pytest.mark.parametrize("point", ["payment.applied", "operation.alone_before_commit", "operation.alone_after_commit"])
def test_a_death_around_the_commit_leaves_one_invoice(
    story: Story, fails_at: Callable[[str], None], tmp_path: Path, point: str
) -> None:
    buy(story)
    fails_at(point)
    for _ in range(3):
        with contextlib.suppress(FailPointRaised):
            story.world.work()
        story.world.make_all_due()

    assert point in (tmp_path / "fired").read_text(encoding="ascii")
    assert [invoice["number"] for invoice in story.invoices()] == ["TEST-2026-000001"]
