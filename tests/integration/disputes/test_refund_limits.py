"""What a dispute holds is not refunded as well: captured, less refunded, less disputed."""

from tests.integration.disputes.stories import hear, refund
from tests.service.world import World


def test_a_disputed_payment_has_nothing_left_to_refund(world: World) -> None:
    payment = world.pay(world.customer())
    world.dispute(payment)

    for body in ({}, {"amount": 1}):
        refused = refund(world, payment, **body)
        assert (refused.status_code, refused.json["code"]) == (422, "refund_too_large")
        assert "2900 are held by disputes" in refused.json["detail"]
    assert world.count("refunds") == 0


def test_after_a_refund_the_dispute_holds_what_is_left(world: World) -> None:
    payment = world.pay(world.customer())
    refund(world, payment, amount=900)
    world.work()

    world.dispute(payment)

    after = world.payment(payment["id"])
    assert (after["amount_refunded"], after["amount_disputed"]) == (900, 2000)


def test_a_part_that_is_not_disputed_can_be_refunded(world: World) -> None:
    payment = world.pay(world.customer())
    world.dispute(payment)
    with world.session() as session:  # the sandbox disputes whole charges only; banks dispute parts as well
        session.connection().exec_driver_sql("UPDATE disputes SET amount_minor = 1000")
        session.connection().exec_driver_sql("UPDATE payments SET amount_disputed_minor = 1000")

    assert refund(world, payment, amount=1901).status_code == 422
    assert refund(world, payment, amount=1900).status_code == 202


def test_what_was_won_can_be_refunded(world: World) -> None:
    payment = world.pay(world.customer())
    dispute = world.dispute(payment)
    world.decide(dispute, outcome="won")
    hear(world, dispute)

    assert refund(world, payment).status_code == 202


def test_a_refund_that_the_dispute_overtook_is_refused_and_the_dispute_holds_all(world: World) -> None:
    payment = world.pay(world.customer())
    reserved = refund(world, payment, amount=900)  # no worker has taken it to the gateway yet
    opened = world.open_dispute(payment)
    world.deliver(*world.events_about(opened["id"], "charge.dispute.created"))

    world.work()

    assert world.operation(reserved.json)["error"]["code"] == "gateway_refused"
    after = world.payment(payment["id"])
    assert (after["amount_refunded"], after["amount_disputed"]) == (0, 2900)
    assert after["refunds"][0]["status"] == "failed"
