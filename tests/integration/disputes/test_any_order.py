"""How often and in which order the gateway tells of a dispute does not matter, nor what we knew of the payment."""

from typing import Any

from billing.clock import utc_now
from billing.webhooks.process import process_batch
from models.inbox_event import InboxEvent
from tests.integration.disputes.stories import facts, hear, shown
from tests.service.world import World


def ends(world: World) -> set[str]:
    return {row["status"] for row in world.rows("SELECT DISTINCT status FROM inbox_events")}


def test_every_event_of_a_dispute_is_processed(world: World) -> None:
    dispute = world.dispute(world.pay(world.customer()))
    world.decide(dispute, outcome="won")
    hear(world, dispute)

    told = world.rows("SELECT type, status FROM inbox_events")
    assert {row["type"] for row in told} == {
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
    }
    assert ends(world) == {"processed"}


def test_a_second_delivery_changes_nothing(world: World) -> None:
    payment = world.pay(world.customer())
    dispute = world.dispute(payment)
    before = (shown(world, dispute), world.payment(payment["id"]), facts(world), world.count("audit_entries"))
    created = world.events_about(dispute["gateway_id"], "charge.dispute.created")[0]

    world.deliver(created, {**created, "id": "evt_told_again"})
    world.work()

    after = (shown(world, dispute), world.payment(payment["id"]), facts(world), world.count("audit_entries"))
    assert after == before
    assert world.count("disputes") == 1


def test_the_last_event_may_come_first(world: World) -> None:
    payment = world.pay(world.customer())
    opened = world.open_dispute(payment)
    world.decide({"gateway_id": opened["id"]}, outcome="won")

    for event in reversed(world.events_about(opened["id"])):
        world.deliver(event)
        world.work()

    assert facts(world) == ["dispute.created", "dispute.won"]
    after = world.payment(payment["id"])
    assert (after["amount_disputed"], after["disputes"][0]["status"]) == (0, "won")


def test_a_dispute_of_somebody_elses_charge_is_ignored(world: World) -> None:
    foreign = world.gateway_post(
        "payment_intents",
        amount=500,
        currency="usd",
        payment_method="pm_card_visa",
        confirm="true",
        return_url="https://shop.example/back",
    )
    opened = world.servers.control("POST", "disputes", {"charge": foreign["latest_charge"]})
    unknown: dict[str, Any] = {"id": "dp_x", "payment_intent": "pi_that_is_not_there"}
    orphan: dict[str, Any] = {"id": "dp_y", "payment_intent": None, "charge": "ch_1"}

    world.deliver(
        *world.events_about(opened["id"]),
        *(
            {"id": f"evt_{each['id']}", "type": "charge.dispute.created", "livemode": False, "data": {"object": each}}
            for each in (unknown, orphan)
        ),
    )
    world.work()

    assert ends(world) == {"ignored"}
    assert world.count("disputes") == 0


def test_it_may_be_heard_of_before_the_payment_is_known_to_be_paid(world: World) -> None:
    world.fault("lost_answer", path="/v1/payment_intents", times=2)  # the SDK asks a second time by itself
    accepted = world.accept_payment(world.customer())
    world.work()
    assert world.payment(str(accepted["id"]))["status"] == "pending"
    opened = world.servers.control("POST", "disputes", {"charge": world.all_charges()[0]["id"]})

    world.deliver(*world.events_about(opened["id"], "charge.dispute.created"))
    process_batch(world.runtime, now=utc_now)  # the payment's own operation may be due again by now, and has to wait
    early = world.payment(str(accepted["id"]))
    assert (early["status"], early["amount_disputed"], len(early["disputes"])) == ("pending", 0, 1)

    world.make_all_due()
    world.work()
    paid = world.payment(str(accepted["id"]))
    assert (paid["status"], paid["amount_captured"], paid["amount_disputed"]) == ("succeeded", 2900, 2900)


def test_a_gateway_that_disagrees_changes_nothing(world: World) -> None:
    payment = world.pay(world.customer())
    opened = world.open_dispute(payment)
    with world.session() as session:
        session.connection().exec_driver_sql("UPDATE payments SET currency = 'EUR'")

    world.deliver(*world.events_about(opened["id"], "charge.dispute.created"))
    world.work()

    event = world.rows("SELECT status, last_error FROM inbox_events")[0]
    assert event["status"] == "failed"
    assert "gateway_disagrees" in event["last_error"]
    assert world.count("disputes") == 0
    assert world.payment(payment["id"])["amount_disputed"] == 0

    with world.session() as session:
        session.connection().exec_driver_sql("UPDATE payments SET currency = 'USD'")
    world.make_due(InboxEvent)
    world.work()
    assert world.payment(payment["id"])["amount_disputed"] == 2900
