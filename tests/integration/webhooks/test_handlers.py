"""What each event does, whatever our rows knew before."""

from typing import Any

import pytest

from billing import leases
from models.inbox_event import InboxEvent
from tests.service.world import World


def inbox(world: World, type_: str) -> dict[str, Any]:
    """Return the newest stored event of a type, as operators see it."""
    listed = world.call("GET", f"/webhooks/events?type={type_}").json["data"]
    found: dict[str, Any] = listed[0]
    return found


def test_every_event_of_the_story_is_processed_or_ignored_and_none_fails(world: World) -> None:
    customer = world.customer()
    payment = world.pay(customer)
    world.call("POST", "/payments/refund", {"payment_id": payment["id"], "amount": 100})
    world.pay(customer, card="pm_card_chargeDeclined")
    world.pay(customer, capture="manual")
    world.work()

    world.deliver(*world.events())
    world.work()

    statuses = world.rows("SELECT DISTINCT status FROM inbox_events")
    assert {row["status"] for row in statuses} == {"processed", "ignored"}


def test_an_unknown_type_is_stored_and_ignored(world: World) -> None:
    event = {
        "id": "evt_unknown",
        "object": "event",
        "type": "invoice.upcoming",
        "livemode": False,
        "data": {"object": {"id": "in_1"}},
    }
    world.deliver(event)
    world.work()

    assert inbox(world, "invoice.upcoming")["status"] == "ignored"


def test_a_payment_that_is_not_ours_is_ignored(world: World) -> None:
    event = {
        "id": "evt_foreign",
        "object": "event",
        "type": "payment_intent.succeeded",
        "livemode": False,
        "data": {"object": {"id": "pi_of_somebody_else", "metadata": {"payment_id": "pay_not_an_id"}}},
    }
    world.deliver(event)
    world.work()

    assert inbox(world, "payment_intent.succeeded")["status"] == "ignored"


def test_a_setup_intent_that_succeeds_keeps_the_card_and_makes_it_the_default(world: World) -> None:
    customer = world.customer()
    accepted = world.call("POST", f"/customers/{customer}/setup-intents", {})
    world.work()
    intent = world.rows("SELECT gateway_id FROM setup_intents")[0]["gateway_id"]
    confirm = {"payment_method": "pm_card_authenticationRequiredOnSetup", "return_url": "https://shop.example/back"}
    world.call("POST", f"/payments/setup-intents/{accepted.json['id']}/confirm", confirm)
    world.work()
    world.authenticate(intent)
    world.deliver(*world.events("setup_intent.succeeded"))
    world.work()

    methods = world.call("GET", f"/customers/{customer}/payment-methods").json["data"]
    assert [(method["type"], method["default"]) for method in methods] == [("card", True)]
    assert world.rows("SELECT status FROM setup_intents") == [{"status": "succeeded"}]

    saved = world.pay(customer, card=methods[0]["id"], off_session=True)
    assert saved["status"] == "succeeded"


def test_a_setup_intent_whose_authentication_fails_says_so(world: World) -> None:
    customer = world.customer()
    accepted = world.call("POST", f"/customers/{customer}/setup-intents", {})
    world.work()
    confirm = {"payment_method": "pm_card_chargeDeclined", "return_url": "https://shop.example/back"}
    refused = world.call("POST", f"/payments/setup-intents/{accepted.json['id']}/confirm", confirm)
    world.work()

    operation = world.operation(refused.json)
    assert operation["status"] == "failed"
    assert operation["error"]["code"] == "payment_declined"
    assert world.call("GET", f"/customers/{customer}/payment-methods").json["data"] == []


def test_payment_methods_are_attached_made_default_and_detached(world: World) -> None:
    customer = world.customer()
    first = world.call("POST", f"/customers/{customer}/payment-methods", {"payment_method": "pm_card_visa"})
    world.work()
    second = world.call(
        "POST",
        f"/customers/{customer}/payment-methods",
        {"payment_method": "pm_card_mastercard", "set_default": True},
    )
    world.work()
    assert (first.status_code, second.status_code) == (202, 202)

    methods = world.call("GET", f"/customers/{customer}/payment-methods").json["data"]
    assert [(method["brand"], method["default"]) for method in methods] == [("mastercard", True), ("visa", False)]

    gone = methods[0]["id"]
    answer = world.call("DELETE", f"/customers/{customer}/payment-methods/{gone}")
    assert answer.status_code == 202
    world.work()
    left = world.call("GET", f"/customers/{customer}/payment-methods").json["data"]
    assert [(method["brand"], method["default"]) for method in left] == [("visa", False)]

    world.deliver(*world.events("payment_method.attached"), *world.events("payment_method.detached"))
    world.work()
    after = world.call("GET", f"/customers/{customer}/payment-methods").json["data"]
    assert [method["brand"] for method in after] == ["visa"]


def test_a_declining_card_is_not_attached(world: World) -> None:
    customer = world.customer()
    accepted = world.call(
        "POST", f"/customers/{customer}/payment-methods", {"payment_method": "pm_card_chargeDeclined"}
    )
    world.work()

    operation = world.operation(accepted.json)
    assert (operation["status"], operation["error"]["status"]) == ("failed", 402)
    assert operation["error"]["decline"]["category"] == "soft"


def test_a_customer_deleted_at_the_gateway_gets_a_new_one_when_next_needed(world: World) -> None:
    customer = world.customer()
    world.call("POST", f"/customers/{customer}/payment-methods", {"payment_method": "pm_card_visa"})
    world.work()
    before = world.call("GET", f"/customers/{customer}").json["gateway_id"]
    world.gateway_delete(f"customers/{before}")

    world.deliver(*world.events("customer.deleted"))
    world.work()
    assert world.call("GET", f"/customers/{customer}").json["gateway_id"] is None
    assert world.call("GET", f"/customers/{customer}/payment-methods").json["data"] == []

    assert world.pay(customer)["status"] == "succeeded"
    after = world.call("GET", f"/customers/{customer}").json["gateway_id"]
    assert after not in {None, before}


def test_a_refund_made_at_the_gateway_itself_shows_here(world: World) -> None:
    payment = world.pay(world.customer())
    world.gateway_post("refunds", payment_intent=payment["gateway_id"], amount=700)

    world.deliver(*world.events("charge.refunded"))
    world.work()

    shown = world.payment(payment["id"])
    assert shown["amount_refunded"] == 700
    assert [refund["amount"] for refund in shown["refunds"]] == [700]


def test_a_refund_that_fails_later_gives_its_amount_back(world: World) -> None:
    payment = world.pay(world.customer(), card="pm_card_refundFail")
    world.call("POST", "/payments/refund", {"payment_id": payment["id"], "amount": 700})
    world.work()
    world.until(lambda: world.events("refund.failed"), what="the gateway's refund.failed")

    world.deliver(*world.events("refund.failed"))
    world.work()

    shown = world.payment(payment["id"])
    assert (shown["amount_refunded"], shown["refunds"][0]["status"]) == (0, "failed")


def test_a_gateway_that_disagrees_changes_nothing_and_the_event_dies_visible_and_replayable(world: World) -> None:
    payment = world.pay(world.customer(), card="pm_card_threeDSecure2Required", return_url="https://shop.example/back")
    world.authenticate(payment["gateway_id"])
    with world.session() as session:
        session.connection().exec_driver_sql("UPDATE payments SET amount_minor = 2800")
    world.deliver(*world.events("payment_intent.succeeded"))

    for attempt in range(leases.FAILURES_MAX):
        world.work()
        seen = inbox(world, "payment_intent.succeeded")
        assert (seen["failures"], seen["status"]) == (
            attempt + 1,
            "dead" if attempt + 1 == leases.FAILURES_MAX else "failed",
        )
        world.make_due(InboxEvent)
    assert "gateway_disagrees" in inbox(world, "payment_intent.succeeded")["last_error"]
    assert world.payment(payment["id"])["status"] == "requires_action"

    with world.session() as session:
        session.connection().exec_driver_sql("UPDATE payments SET amount_minor = 2900")
    replayed = world.call("POST", "/webhooks/replay", {"event_id": inbox(world, "payment_intent.succeeded")["id"]})
    assert (replayed.status_code, replayed.json["status"]) == (202, "received")
    world.work()
    assert inbox(world, "payment_intent.succeeded")["status"] == "processed"
    assert world.payment(payment["id"])["status"] == "succeeded"


def test_replaying_what_is_done_changes_nothing_and_what_is_under_way_is_refused(world: World) -> None:
    payment = world.pay(world.customer())
    events = world.events("payment_intent.succeeded")
    world.deliver(*events)
    refused = world.call("POST", "/webhooks/replay", {"event_id": events[0]["id"]})
    assert (refused.status_code, refused.json["code"]) == (409, "event_in_progress")
    world.work()
    before = world.payment(payment["id"])

    assert world.call("POST", "/webhooks/replay", {"event_id": events[0]["id"]}).status_code == 202
    world.work()

    assert world.payment(payment["id"]) == before
    missing = world.call("POST", "/webhooks/replay", {"event_id": "evt_missing"})
    assert (missing.status_code, missing.json["code"]) == (404, "event_not_found")


def test_a_worker_that_dies_over_an_event_three_times_leaves_it_dead(world: World) -> None:
    world.pay(world.customer())
    world.deliver(*world.events("payment_intent.succeeded"))
    for _ in range(leases.FAILURES_MAX):
        with world.session() as session:
            assert leases.claim(session, InboxEvent, limit=1, lease_seconds=30, busy_status=None)
        world.make_due(InboxEvent)  # nobody finished it: the lease ran out

    world.work()

    seen = inbox(world, "payment_intent.succeeded")
    assert (seen["status"], seen["failures"]) == ("dead", leases.FAILURES_MAX)


def test_an_outage_postpones_an_event_and_counts_nothing(world: World) -> None:
    payment = world.pay(world.customer(), card="pm_card_threeDSecure2Required", return_url="https://shop.example/back")
    world.authenticate(payment["gateway_id"], outcome="fail")
    world.deliver(
        *world.events("payment_intent.payment_failed")
    )  # a state that may change again: the object is fetched
    world.servers.control(
        "POST", "faults", {"kind": "status", "method": "GET", "path": "/v1/*", "status": 503, "times": 2}
    )
    world.work()
    seen = inbox(world, "payment_intent.payment_failed")
    assert (seen["status"], seen["failures"], seen["postponements"]) == ("received", 0, 1)

    world.make_due(InboxEvent)
    world.work()
    assert world.payment(payment["id"])["status"] == "requires_payment_method"


@pytest.mark.parametrize(
    ("type_", "outcome", "status"),
    [("payment_intent.processing", None, "processing"), ("payment_intent.succeeded", "settle", "succeeded")],
)
def test_an_asynchronous_method_is_processing_until_it_settles(
    world: World, type_: str, outcome: str | None, status: str
) -> None:
    payment = world.pay(
        world.customer(),
        card=None,
        currency="EUR",
        return_url="https://shop.example/back",
    )
    method = world.gateway_post(
        "payment_methods",
        **{
            "type": "sepa_debit",
            "sepa_debit[iban]": "DE89370400440532013000",
            "billing_details[name]": "Ada",
            "billing_details[email]": "ada@example.com",
        },
    )
    world.call("POST", "/payments/confirm", {"payment_id": payment["id"], "payment_method": method["id"]})
    world.work()
    if outcome is not None:
        world.servers.control("POST", f"payment_intents/{payment['gateway_id']}", {"outcome": outcome})
    world.deliver(*world.events(type_))
    world.work()

    assert world.payment(payment["id"])["status"] == status
