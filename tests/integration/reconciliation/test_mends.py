"""What a comparison finds is mended where a webhook would have done the same, and waits for a person where it would not."""

from typing import Any

import pytest

from billing.actor import OPERATOR_CLI
from billing.clock import utc_now
from billing.reconciliation.run import advance_run
from billing.reconciliation.settle import DifferenceSettled, DifferenceStays, dismiss_difference, mend_difference
from tests.integration.reconciliation.stories import begin, differences, finish, reconcile, said
from tests.service.world import World

APPLIED = "apply_gateway_state"


def mend(world: World, difference: dict[str, Any]) -> dict[str, Any]:
    mend_difference(world.runtime, public=difference["id"], as_not_made=False, actor=OPERATOR_CLI, now=utc_now)
    return next(each for each in differences(world) if each["id"] == difference["id"])


def dismiss(world: World, difference: dict[str, Any]) -> None:
    with world.session() as session:
        dismiss_difference(session, public=difference["id"], reason="made by hand", actor=OPERATOR_CLI, now=utc_now())


def test_where_both_sides_agree_nothing_is_found(world: World) -> None:
    payment = world.pay(world.customer())
    world.call("POST", "/payments/refund", {"payment_id": payment["id"], "amount": 900})
    world.pay(world.customer(), card="pm_card_chargeDeclined")
    world.dispute(world.pay(world.customer()))
    world.accept_payment(world.customer(), card=None)
    world.work()

    run = reconcile(world)

    assert run["differences"]["data"] == []
    assert run["compared"] == {
        "payment": 4, "refund": 1, "dispute": 1, "balance_transaction": 4, "attempt": 0, "in_flight": 0,
    }  # fmt: skip
    assert [(each["currency"], each["amount"], each["difference"]) for each in run["totals"]] == [("USD", 2000, 0)]


def test_events_that_never_came_are_made_good(world: World) -> None:
    payment = world.pay(world.customer())
    late = world.pay(world.customer(), card="pm_card_threeDSecure2Required", return_url="https://shop.example/back")
    world.authenticate(late["gateway_id"])
    world.gateway_post("refunds", payment_intent=payment["gateway_id"], amount=500)
    world.open_dispute(late)

    run = reconcile(world)

    assert said(world) == [
        ("payment", "status_differs", APPLIED, "mended"),
        ("refund", "missing_here", APPLIED, "mended"),
        ("dispute", "missing_here", APPLIED, "mended"),
    ]
    assert (run["differences_found"], run["differences_open"]) == (3, 0)
    assert [each["difference"] for each in run["totals"]] == [0]
    assert world.payment(payment["id"])["amount_refunded"] == 500
    mended = world.payment(late["id"])
    assert (mended["status"], mended["amount_disputed"]) == ("succeeded", 2900)
    events = world.rows("SELECT type FROM outbox_events WHERE object_id = :id", id=late["id"])
    assert [event["type"] for event in events].count("payment.succeeded") == 1


def test_an_event_that_comes_after_the_mend_changes_nothing(world: World) -> None:
    late = world.pay(world.customer(), card="pm_card_threeDSecure2Required", return_url="https://shop.example/back")
    world.authenticate(late["gateway_id"])
    reconcile(world)
    told = world.count("outbox_events")

    world.deliver(*world.events())
    world.work()

    assert world.count("outbox_events") == told


def test_an_event_that_comes_between_finding_and_mending_leaves_no_difference(world: World) -> None:
    late = world.pay(world.customer(), card="pm_card_threeDSecure2Required", return_url="https://shop.example/back")
    world.authenticate(late["gateway_id"])
    begin(world)

    advance_run(world.runtime, now=utc_now)
    assert said(world) == [("payment", "status_differs", APPLIED, "open")]
    world.deliver(*world.events())
    world.work()
    finish(world)

    assert said(world) == []


def test_what_an_operation_is_about_to_do_is_no_difference(world: World) -> None:
    payment = world.pay(world.customer(), capture="manual")
    world.call("POST", f"/payments/{payment['id']}/capture", {})
    world.gateway_post(f"payment_intents/{payment['gateway_id']}/capture")

    run = reconcile(world)

    assert said(world) == []
    assert run["compared"]["in_flight"] == 2  # the payment, and its movement of the balance


def test_a_payment_whose_answer_was_lost_gets_its_object(world: World) -> None:
    payment = world.pay(world.customer())
    with world.session() as session:
        session.connection().exec_driver_sql(
            "UPDATE payments SET gateway_id = NULL, status = 'pending', amount_captured_minor = 0"
        )

    reconcile(world)

    assert said(world) == [("payment", "missing_here", APPLIED, "mended")]
    assert world.payment(payment["id"])["status"] == "succeeded"
    assert len(world.all_charges()) == 1


def test_what_was_made_at_the_gateway_waits_for_a_person(world: World) -> None:
    foreign = world.gateway_post("payment_intents", amount=100, currency="usd")

    run = reconcile(world)

    (found,) = run["differences"]["data"]
    assert (found["kind"], found["gateway_id"], found["our_id"]) == ("missing_here", foreign["id"], None)
    assert found["proposed_mend"]["code"] == "judge_foreign_object"
    with pytest.raises(DifferenceStays):
        mend(world, found)
    dismiss(world, found)
    with pytest.raises(DifferenceSettled):
        dismiss(world, found)
    assert reconcile(world)["differences_open"] == 0
    assert [state for *_, state in said(world)] == ["dismissed"]

    world.gateway_post(f"payment_intents/{foreign['id']}", amount=200)
    assert reconcile(world)["differences_open"] == 1  # one of the sides changed: it is a new question
    assert [state for *_, state in said(world)] == ["dismissed", "open"]


def test_what_the_gateway_lost_waits_for_a_person(world: World) -> None:
    world.pay(world.customer())
    with world.session() as session:
        session.connection().exec_driver_sql("UPDATE payments SET gateway_id = 'pi_gone'")

    reconcile(world)

    # The intent that names our payment is now a second one beside the one that we know, and its charge comes from neither.
    assert set(said(world)) == {
        ("payment", "duplicate_there", "refund_duplicate", "open"),
        ("payment", "missing_there", "find_lost_object", "open"),
    }


def test_an_amount_that_differs_is_never_mended_by_itself(world: World) -> None:
    payment = world.pay(world.customer())
    with world.session() as session:
        session.connection().exec_driver_sql("UPDATE payments SET amount_minor = 3000")

    run = reconcile(world)

    (found,) = run["differences"]["data"]
    assert (found["kind"], found["ours"]["amount"], found["theirs"]["amount"]) == ("amount_differs", 3000, 2900)
    assert (found["proposed_mend"]["code"], found["state"]) == ("correct_amount", "open")
    assert world.payment(payment["id"])["amount"] == 3000
    with pytest.raises(DifferenceStays):
        mend(world, found)


def test_captured_money_that_we_do_not_know_of_shows_to_the_cent(world: World) -> None:
    world.pay(world.customer())
    with world.session() as session:
        session.connection().exec_driver_sql("UPDATE payments SET amount_captured_minor = 2899")

    run = reconcile(world)

    assert [each["difference"] for each in run["totals"]] == [1]
    assert said(world) == [("payment", "amount_differs", "correct_amount", "open")]


def test_what_cannot_be_applied_waits_with_the_reason(world: World) -> None:
    world.pay(world.customer())
    with world.session() as session:
        session.connection().exec_driver_sql("UPDATE payments SET status = 'canceled', amount_captured_minor = 0")

    run = reconcile(world)

    found = next(each for each in run["differences"]["data"] if each["kind"] == "status_differs")
    assert found["proposed_mend"]["code"] == "inspect_refusal"
    assert found["proposed_mend"]["detail"].startswith("status_moved_backwards")
    assert found["state"] == "open"


def test_the_next_night_makes_no_second_difference(world: World) -> None:
    world.gateway_post("payment_intents", amount=100, currency="usd")
    first = reconcile(world)
    second = reconcile(world)

    (before,), (after,) = first["differences"]["data"], second["differences"]["data"]
    assert before["id"] == after["id"]
    assert before["first_seen_at"] == after["first_seen_at"] < after["last_seen_at"]
    assert world.rows("SELECT count(*) AS n FROM reconciliation_findings") == [{"n": 2}]


def test_a_difference_that_was_set_right_elsewhere_ends_with_the_next_run(world: World) -> None:
    world.pay(world.customer())
    with world.session() as session:
        session.connection().exec_driver_sql("UPDATE payments SET amount_minor = 3000")
    reconcile(world)
    with world.session() as session:
        session.connection().exec_driver_sql("UPDATE payments SET amount_minor = 2900")

    reconcile(world)

    assert [state for *_, state in said(world)] == ["mended"]
    assert differences(world)[0]["reason"] == "both sides say the same now"
    actions = world.rows("SELECT action, actor FROM audit_entries WHERE object_type = 'reconciliation_difference'")
    assert actions == [{"action": "reconciliation.mended", "actor": "reconciliation"}]
