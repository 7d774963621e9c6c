"""A call of which nobody knows what came blocks its payment, until a person has it looked up, or states that it was not made."""

from typing import Any

import pytest

from billing import leases
from billing.actor import OPERATOR_CLI
from billing.clock import utc_now
from billing.invariants import check_invariants
from billing.payments.perform import perform_payment_operation
from billing.reconciliation.find import DifferenceNotFound
from billing.reconciliation.settle import (
    AttemptUnknownThere,
    AttemptWasMade,
    NotAnAttempt,
    mend_difference,
)
from models.operation import Operation, OperationStatus
from tests.integration.reconciliation.stories import differences, reconcile, said
from tests.service.world import World

UNSETTLED = ("attempt", "attempt_unsettled", "settle_attempt", "open")


def mend(world: World, difference: dict[str, Any], *, as_not_made: bool = False) -> None:
    mend_difference(world.runtime, public=difference["id"], as_not_made=as_not_made, actor=OPERATOR_CLI, now=utc_now)


def attempts(world: World) -> list[str]:
    return [row["status"] for row in world.rows("SELECT status FROM payment_attempts ORDER BY started_at")]


def cut_off(world: World, *, after_the_call: bool) -> None:
    """Let the worker of the newest operation die until it is given up, before or after the gateway was called."""
    for _ in range(leases.FAILURES_MAX):
        with world.session() as session:
            (claimed,) = leases.claim(
                session, Operation, limit=1, lease_seconds=90, busy_status=OperationStatus.RUNNING
            )
        if after_the_call:
            perform_payment_operation(world.runtime, operation=claimed, now=utc_now())
        world.make_due(Operation)
    world.work()


def park(world: World) -> dict[str, Any]:
    """Leave a payment whose call was never made, and is too old to be repeated."""
    accepted = world.accept_payment(world.customer())
    fault = {"kind": "status", "method": "POST", "path": "/v1/payment_intents", "status": 500, "times": 2}
    world.servers.control("POST", "faults", fault)
    world.work()
    with world.session() as session:
        session.connection().exec_driver_sql("UPDATE payment_attempts SET started_at = started_at - interval '2 days'")
    world.make_due(Operation)
    world.work()
    assert attempts(world) == ["parked"]
    return accepted


def nothing_is_parked(world: World) -> bool:
    with world.session() as session:
        return not any(
            finding.violations for finding in check_invariants(session) if finding.invariant.name == "nothing_is_parked"
        )


def test_a_charge_that_was_made_is_found_and_settled(world: World) -> None:
    accepted = world.accept_payment(world.customer())
    cut_off(world, after_the_call=True)
    assert attempts(world) == ["in_flight"]

    reconcile(world)

    # The payment itself is brought up to date at once; its call waits for a person.
    assert said(world) == [("payment", "missing_here", "apply_gateway_state", "mended"), UNSETTLED]
    unsettled = differences(world)[1]
    assert unsettled["our_id"] == accepted["id"]
    with pytest.raises(AttemptWasMade):
        mend(world, unsettled, as_not_made=True)
    mend(world, unsettled)

    assert attempts(world) == ["answered"]
    assert nothing_is_parked(world)
    assert world.payment(accepted["id"])["status"] == "succeeded"
    assert len(world.all_charges()) == 1
    assert reconcile(world)["differences_open"] == 0


def test_a_charge_that_was_never_made_is_ended_by_a_person_who_says_so(world: World) -> None:
    accepted = park(world)
    reconcile(world)
    (unsettled,) = differences(world)
    assert said(world) == [UNSETTLED]
    assert not nothing_is_parked(world)

    with pytest.raises(AttemptUnknownThere):
        mend(world, unsettled)
    assert attempts(world) == ["parked"]
    mend(world, unsettled, as_not_made=True)

    assert attempts(world) == ["refused"]
    assert nothing_is_parked(world)
    assert world.payment(accepted["id"])["status"] == "failed"
    assert world.all_charges() == []
    actions = world.rows("SELECT actor, after FROM audit_entries WHERE action = 'reconciliation.mended'")
    assert [(row["actor"], row["after"]["reason"]) for row in actions] == [("cli", "the call was never made")]


def test_a_capture_whose_answer_was_lost_frees_the_payment(world: World) -> None:
    payment = world.pay(world.customer(), capture="manual")
    world.call("POST", f"/payments/{payment['id']}/capture", {"amount": 2000})
    cut_off(world, after_the_call=False)
    with world.session() as session:
        # The workers died before the call, after its attempt was committed.
        session.connection().exec_driver_sql(
            "INSERT INTO payment_attempts (id, payment_id, operation_id, kind, status, params, started_at)"
            " SELECT gen_random_uuid(), a.payment_id, o.id, 'capture', 'in_flight', '{\"amount\": 2000}', now()"
            " FROM payment_attempts a, operations o WHERE o.kind = 'payment.capture'"
        )
    reconcile(world)
    assert said(world) == [UNSETTLED]

    mend(world, differences(world)[0])

    assert attempts(world) == ["answered", "answered"]
    assert world.call("POST", f"/payments/{payment['id']}/capture", {}).status_code == 202
    world.work()
    assert world.payment(payment["id"])["amount_captured"] == 2900


def test_a_refund_that_nobody_takes_there_any_more(world: World) -> None:
    payment = world.pay(world.customer())
    lost, made = (
        world.call("POST", "/payments/refund", {"payment_id": payment["id"], "amount": amount}).json["id"]
        for amount in (500, 600)
    )
    with world.session() as session:
        session.connection().exec_driver_sql(
            "UPDATE operations SET status = 'failed', finished_at = now(), outcome_status = 500, next_attempt_at = NULL"
            " WHERE finished_at IS NULL"
        )
    form = {"payment_intent": payment["gateway_id"], "amount": 600, "metadata[refund_id]": made}
    world.gateway_post("refunds", **form)

    reconcile(world)

    # The one that was made is adopted by itself, because the gateway's refund names it; the other one reserves its amount.
    assert said(world) == [
        ("refund", "missing_here", "apply_gateway_state", "mended"),
        ("refund", "attempt_unsettled", "settle_attempt", "open"),
    ]
    (waiting,) = [each for each in differences(world) if each["state"] == "open"]
    assert waiting["our_id"] == lost
    with pytest.raises(AttemptUnknownThere):
        mend(world, waiting)
    mend(world, waiting, as_not_made=True)

    assert world.payment(payment["id"])["amount_refunded"] == 600
    refunds = {refund["id"]: refund["status"] for refund in world.payment(payment["id"])["refunds"]}
    assert refunds == {lost: "failed", made: "succeeded"}


def test_only_a_call_can_be_stated_as_not_made(world: World) -> None:
    world.gateway_post("payment_intents", amount=100, currency="usd")
    reconcile(world)

    with pytest.raises(NotAnAttempt):
        mend(world, differences(world)[0], as_not_made=True)
    for unknown in ("diff_01h455vb4pex5vsknk084sn02q", "nothing"):
        with pytest.raises(DifferenceNotFound):
            mend(world, {"id": unknown})
