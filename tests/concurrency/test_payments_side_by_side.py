"""Payments that are claimed, prepared and settled together have each an outcome of their own, whatever the others come to."""

from uuid import uuid4

from billing import leases
from billing.clock import utc_now
from billing.hints import Hint
from billing.operation_runner import TOGETHER_MAX, run_due_operations
from models.operation import Operation
from tests.concurrency.crowd import at_once, workers
from tests.service.world import World

_REFUSE_666 = """
    CREATE FUNCTION refuse_666() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.amount_minor = 666 AND NEW.status = 'succeeded' THEN RAISE EXCEPTION 'not this one'; END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER refuse_666 BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION refuse_666();
"""


def known_customer(world: World) -> str:
    customer = world.customer()
    world.work()
    return customer


def test_each_gets_its_own_outcome(world: World) -> None:
    customer = known_customer(world)
    cards = ["pm_card_visa", "pm_card_chargeDeclined", "pm_card_authenticationRequired", "pm_card_visa"]
    accepted = [world.accept_payment(customer, card=card, amount=1000 + n) for n, card in enumerate(cards)]

    assert run_due_operations(world.runtime, now=utc_now) == len(cards)

    payments = [world.payment(each["id"]) for each in accepted]
    assert [payment["status"] for payment in payments] == [
        "succeeded",
        "requires_payment_method",
        "requires_action",
        "succeeded",
    ]
    assert [payment["amount"] for payment in payments] == [1000, 1001, 1002, 1003]
    assert [world.operation(each)["status"] for each in accepted] == ["succeeded", "failed", "succeeded", "succeeded"]
    assert world.count("payment_attempts") == len(cards)


def test_workers_at_once_charge_each_payment_once(world: World) -> None:
    customers = [known_customer(world) for _ in range(3)]
    accepted = [world.accept_payment(customers[number % 3]) for number in range(24)]
    held = workers(world, 4)

    performed = at_once(4, lambda number: run_due_operations(held[number], now=utc_now))

    assert sum(performed) == len(accepted)
    assert {world.payment(each["id"])["status"] for each in accepted} == {"succeeded"}
    assert len(world.all_charges()) == len(accepted)
    assert world.count("payment_attempts") == len(accepted)


def test_who_has_no_room_for_more_tells_the_others(world: World) -> None:
    customer = known_customer(world)
    for _ in range(TOGETHER_MAX - 1):
        world.accept_payment(customer)
    world.hints.clear()
    assert run_due_operations(world.runtime, now=utc_now) == TOGETHER_MAX - 1
    assert Hint.OPERATIONS not in world.hints

    for _ in range(TOGETHER_MAX + 1):
        world.accept_payment(customer)
    world.hints.clear()
    assert run_due_operations(world.runtime, now=utc_now) == TOGETHER_MAX + 1
    assert Hint.OPERATIONS in world.hints


def test_one_that_cannot_be_committed_holds_up_no_other(world: World) -> None:
    customer = known_customer(world)
    with world.session() as session:
        session.connection().exec_driver_sql(_REFUSE_666)
    accepted = [world.accept_payment(customer, amount=amount) for amount in (500, 666, 700)]

    for _ in range(leases.FAILURES_MAX):
        world.work()
        world.make_due(Operation)

    assert [world.payment(each["id"])["status"] for each in accepted] == ["succeeded", "pending", "succeeded"]
    rows = world.rows("SELECT failures FROM operations WHERE kind = 'payment.create' ORDER BY created_at")
    assert [row["failures"] for row in rows] == [0, leases.FAILURES_MAX, 0]
    assert len(world.all_charges()) == 3  # the one that waits for a person was charged, and once


def test_a_call_that_fails_is_postponed_alone(world: World) -> None:
    customer = known_customer(world)
    accepted = [world.accept_payment(customer) for _ in range(3)]
    world.fault("status", path="/v1/payment_intents", status=500, times=3)  # one call, with the SDK's own repetitions

    run_due_operations(world.runtime, now=utc_now)

    assert sorted(world.operation(each)["status"] for each in accepted).count("succeeded") >= 1
    world.make_due(Operation)
    world.work()
    assert {world.payment(each["id"])["status"] for each in accepted} == {"succeeded"}
    assert len(world.all_charges()) == 3


def test_who_comes_while_another_leads_rings_and_goes(world: World) -> None:
    accepted = world.accept_payment(known_customer(world))
    assert world.runtime.desk.take_the_lead()

    assert run_due_operations(world.runtime, now=utc_now) == 0

    assert world.runtime.desk.rung()
    assert world.runtime.desk.leave()
    assert run_due_operations(world.runtime, now=utc_now) == 1
    assert world.payment(accepted["id"])["status"] == "succeeded"


def test_rows_of_several_claims_are_held_together_and_each_by_its_own_lease(world: World) -> None:
    customer = known_customer(world)
    for _ in range(3):
        world.accept_payment(customer)
    with world.runtime.transaction() as session:
        claims = [leases.claim(session, Operation, limit=1, lease_seconds=30, busy_status=None)[0] for _ in range(3)]
        session.expunge_all()
    with world.runtime.transaction() as session:
        taken_over = session.get_one(Operation, claims[1].id)
        taken_over.lease_token = uuid4()

    with world.runtime.transaction() as session:
        standing = leases.hold_all(session, claims)

    assert [row.id for row in standing] == [claims[0].id, claims[2].id]
