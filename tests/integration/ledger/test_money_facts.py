"""What happens to payments, refunds and disputes is in the books, in the transaction of the fact, once."""

from typing import Any

import pytest
from sqlalchemy import select

from billing.actor import WORKER
from billing.clock import utc_now
from billing.operation_runner import run_due_operations
from billing.payments.perform import apply_settlements, perform_payment_operation
from models.operation import Operation
from tests.integration.app.asking import statements
from tests.integration.ledger.stories import balances, entries, said
from tests.integration.reconciliation.stories import reconcile
from tests.service.world import World

CAPTURED = ("payment_captured", [("gateway_clearing", "USD", 2900), ("revenue", "USD", -2900)])
# The sandbox's fee for 29.00: 2.9 % and 30.
FEE = 114


def refunded(amount: int) -> tuple[str, list[tuple[str, str, int]]]:
    return ("refund_paid", [("refunds", "USD", amount), ("gateway_clearing", "USD", -amount)])


def refund(world: World, payment: dict[str, Any], amount: int) -> None:
    answer = world.call("POST", "/payments/refund", {"payment_id": payment["id"], "amount": amount})
    assert answer.status_code == 202, answer.text
    world.work()


def hear_all(world: World) -> None:
    world.deliver(*world.events())
    world.work()


def test_a_payment_is_posted_when_it_is_captured_and_only_then(world: World) -> None:
    customer = world.customer()
    world.pay(customer, card="pm_card_chargeDeclined")
    held = world.pay(customer, capture="manual")
    assert said(world) == []

    world.call("POST", f"/payments/{held['id']}/capture", {"amount": 2000})
    world.work()
    hear_all(world)

    (entry,) = entries(world)
    assert (entry["kind"], entry["reference"], entry["customer_id"]) == ("payment_captured", held["id"], customer)
    assert balances(world) == {"gateway_clearing USD": 2000, "revenue USD": 2000}


def test_the_webhook_and_the_answer_post_it_once_whichever_comes_first(world: World) -> None:
    payment = world.pay(world.customer())
    hear_all(world)
    hear_all(world)
    assert said(world) == [CAPTURED]

    world.fault("lost_answer", path="/v1/payment_intents", times=1)
    accepted = world.accept_payment(payment["customer_id"])
    run_due_operations(world.runtime, now=utc_now)
    hear_all(world)
    world.make_all_due()
    world.work()

    assert world.payment(accepted["id"])["status"] == "succeeded"
    assert said(world) == [CAPTURED, CAPTURED]


def test_each_refund_is_posted_when_it_has_succeeded(world: World) -> None:
    payment = world.pay(world.customer())

    refund(world, payment, 900)
    refund(world, payment, 100)
    hear_all(world)

    assert said(world) == [CAPTURED, refunded(900), refunded(100)]
    ids = [found["id"] for found in world.payment(payment["id"])["refunds"]]
    assert [entry["reference"] for entry in entries(world, kind="refund_paid")] == ids
    assert balances(world) == {"gateway_clearing USD": 1900, "revenue USD": 2900, "refunds USD": 1000}


def test_a_refund_made_at_the_gateway_itself_is_posted(world: World) -> None:
    payment = world.pay(world.customer())
    world.gateway_post("refunds", payment_intent=payment["gateway_id"], amount=700)

    hear_all(world)

    assert said(world) == [CAPTURED, refunded(700)]


def test_a_refund_that_fails_after_it_had_succeeded_is_posted_back(world: World) -> None:
    payment = world.pay(world.customer(), card="pm_card_refundFail")
    refund(world, payment, 700)
    world.until(lambda: world.events("refund.failed"), what="the gateway's refund.failed")

    hear_all(world)

    assert said(world) == [
        CAPTURED,
        refunded(700),
        ("refund_returned", [("refunds", "USD", -700), ("gateway_clearing", "USD", 700)]),
    ]
    assert balances(world)["gateway_clearing USD"] == 2900


def test_a_refund_that_the_gateway_refuses_moves_nothing(world: World) -> None:
    payment = world.pay(world.customer())
    world.fault("status", path="/v1/refunds", status=400, times=1)

    refund(world, payment, 900)

    assert said(world) == [CAPTURED]


@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_what_a_dispute_takes_is_posted_and_comes_back_when_it_is_won(world: World, outcome: str) -> None:
    payment = world.pay(world.customer())
    dispute = world.dispute(payment)
    taken = ("dispute_withdrawn", [("disputes", "USD", 2900), ("gateway_clearing", "USD", -2900)])
    assert said(world) == [CAPTURED, taken]

    world.decide(dispute, outcome=outcome)
    world.deliver(*world.events_about(dispute["gateway_id"]))
    world.work()

    back = ("dispute_reinstated", [("disputes", "USD", -2900), ("gateway_clearing", "USD", 2900)])
    assert said(world) == ([CAPTURED, taken, back] if outcome == "won" else [CAPTURED, taken])
    assert {entry["reference"] for entry in entries(world)[1:]} == {dispute["id"]}


def test_fees_are_posted_once_however_often_the_balance_is_compared(world: World) -> None:
    world.pay(world.customer())
    reconcile(world)
    world.dispute(world.pay(world.customer()))
    reconcile(world)
    reconcile(world)

    fees = entries(world, kind="gateway_fee")
    listed = world.gateway("balance_transactions", limit=100)["data"]
    assert {entry["reference"]: entry["postings"][0]["debit"] for entry in fees} == {
        each["id"]: each["fee"] for each in listed if each["fee"]
    }
    assert sum(entry["postings"][0]["debit"] for entry in fees) == sum(each["fee"] for each in listed) >= 2 * FEE
    assert balances(world)["gateway_clearing USD"] == sum(each["net"] for each in listed)


def test_the_fee_of_a_payment_that_is_not_ours_is_not_ours(world: World) -> None:
    world.gateway_post(
        "payment_intents",
        amount=500,
        currency="usd",
        payment_method="pm_card_visa",
        confirm="true",
        **{"automatic_payment_methods[enabled]": "true", "automatic_payment_methods[allow_redirects]": "never"},
    )

    reconcile(world)

    assert entries(world) == []


def test_the_fact_and_its_entry_commit_together_or_not_at_all(world: World) -> None:
    """Where the ledger refuses, the payment does not move either; its operation is tried again, under the same key."""
    accepted = world.accept_payment(world.customer())
    with world.session() as session:
        session.connection().exec_driver_sql(
            "ALTER TABLE ledger_entries ADD CONSTRAINT no_room CHECK (kind <> 'payment_captured')"
        )
    try:
        run_due_operations(world.runtime, now=utc_now)
        assert (world.payment(accepted["id"])["status"], said(world)) == ("pending", [])
    finally:
        with world.session() as session:
            session.connection().exec_driver_sql("ALTER TABLE ledger_entries DROP CONSTRAINT no_room")
    world.make_all_due()
    world.work()

    assert said(world) == [CAPTURED]
    assert len(world.charges(world.payment(accepted["id"]))) == 1


def test_payments_that_are_settled_together_are_posted_in_one_statement(world: World) -> None:
    for _ in range(8):
        world.accept_payment(world.customer())
    with world.session() as session:
        operations = session.scalars(select(Operation).where(Operation.kind == "payment.create")).all()
    brought = [perform_payment_operation(world.runtime, operation=each, now=utc_now()) for each in operations]

    with statements(world) as sent, world.session() as session:
        apply_settlements(session, [(settlement, WORKER) for settlement in brought], now=utc_now())

    assert len([statement for statement in sent if "ledger_entries" in statement]) == 1
    assert said(world) == [CAPTURED] * 8
