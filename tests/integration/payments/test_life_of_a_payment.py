"""A payment from the request to the money, and back."""

import pytest

from tests.service.world import World


def test_a_card_is_charged_once_and_the_payment_says_so(world: World) -> None:
    payment = world.pay(world.customer())

    assert payment["status"] == "succeeded"
    assert payment["amount_captured"] == 2900
    assert [charge["amount"] for charge in world.charges(payment)] == [2900]


def test_a_payment_without_a_method_waits_for_one(world: World) -> None:
    payment = world.pay(world.customer(), card=None)

    assert payment["status"] == "requires_payment_method"
    assert payment["client_secret"].startswith(payment["gateway_id"])

    accepted = world.call("POST", "/payments/confirm", {"payment_id": payment["id"], "payment_method": "pm_card_visa"})
    assert accepted.status_code == 202
    world.work()
    assert world.payment(payment["id"])["status"] == "succeeded"


def test_the_operation_tells_the_outcome(world: World) -> None:
    accepted = world.accept_payment(world.customer())
    assert world.operation(accepted)["status"] == "queued"

    world.work()

    operation = world.operation(accepted)
    assert operation["status"] == "succeeded"
    assert operation["resource"] == {"type": "payment", "id": accepted["id"]}
    assert operation["finished_at"] is not None


def test_3d_secure_is_asked_for_and_completed(world: World) -> None:
    payment = world.pay(world.customer(), card="pm_card_threeDSecure2Required", return_url="https://shop.example/back")
    assert payment["status"] == "requires_action"
    assert payment["next_action"]["type"] == "redirect_to_url"
    assert payment["next_action"]["url"].startswith("http")

    world.authenticate(payment["gateway_id"])
    world.deliver(*world.events("payment_intent.succeeded"))
    world.work()

    settled = world.payment(payment["id"])
    assert (settled["status"], settled["next_action"]) == ("succeeded", None)
    assert len(world.charges(settled)) == 1


def test_3d_secure_that_fails_leaves_a_decline_that_says_what_to_do(world: World) -> None:
    payment = world.pay(world.customer(), card="pm_card_threeDSecure2Required", return_url="https://shop.example/back")
    world.authenticate(payment["gateway_id"], outcome="fail")
    world.deliver(*world.events("payment_intent.payment_failed"))
    world.work()

    declined = world.payment(payment["id"])
    assert declined["status"] == "requires_payment_method"
    assert declined["decline"]["category"] == "action_required"
    assert world.charges(declined) == []


@pytest.mark.parametrize(
    ("card", "code", "category"),
    [
        ("pm_card_chargeDeclined", "generic_decline", "soft"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds", "soft"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "hard"),
        ("pm_card_radarBlock", "fraudulent", "fraud"),
    ],
)
def test_a_decline_is_told_in_our_words(world: World, card: str, code: str, category: str) -> None:
    accepted = world.accept_payment(world.customer(), card=card)
    world.work()

    operation = world.operation(accepted)
    payment = world.payment(accepted["id"])
    assert operation["status"] == "failed"
    assert operation["error"]["code"] == "payment_declined"
    assert operation["error"]["payment_id"] == payment["id"]
    assert payment["status"] == "requires_payment_method"
    assert (payment["decline"]["code"], payment["decline"]["category"]) == (code, category)
    assert payment["decline"]["next_step"]
    assert world.charges(payment) == []


def test_a_declined_payment_can_be_paid_with_another_card(world: World) -> None:
    payment = world.pay(world.customer(), card="pm_card_chargeDeclined")
    world.call("POST", "/payments/confirm", {"payment_id": payment["id"], "payment_method": "pm_card_mastercard"})
    world.work()

    paid = world.payment(payment["id"])
    assert (paid["status"], paid["decline"]) == ("succeeded", None)
    assert len(world.charges(paid)) == 1


def test_off_session_with_a_card_that_asks_is_a_decline_to_bring_the_customer_back(world: World) -> None:
    accepted = world.accept_payment(world.customer(), card="pm_card_authenticationRequired", off_session=True)
    world.work()

    payment = world.payment(accepted["id"])
    assert payment["status"] == "requires_payment_method"
    assert payment["decline"]["category"] == "action_required"


def test_manual_capture_takes_a_part_and_gives_back_the_rest(world: World) -> None:
    payment = world.pay(world.customer(), capture="manual")
    assert (payment["status"], payment["amount_captured"]) == ("requires_capture", 0)

    too_much = world.call("POST", f"/payments/{payment['id']}/capture", {"amount": 2901})
    assert (too_much.status_code, too_much.json["code"]) == (422, "capture_too_large")

    world.call("POST", f"/payments/{payment['id']}/capture", {"amount": 1500})
    world.work()
    captured = world.payment(payment["id"])
    assert (captured["status"], captured["amount_captured"]) == ("succeeded", 1500)


def test_a_payment_is_canceled_and_can_be_canceled_no_more(world: World) -> None:
    payment = world.pay(world.customer(), capture="manual")
    world.call("POST", f"/payments/{payment['id']}/cancel", {})
    world.work()
    assert world.payment(payment["id"])["status"] == "canceled"

    again = world.call("POST", f"/payments/{payment['id']}/cancel", {})
    assert (again.status_code, again.json["code"]) == (409, "payment_not_in_state")
    assert world.all_charges() == [] or world.charges(payment)[0]["captured"] is False


def test_refunds_never_exceed_what_was_captured(world: World) -> None:
    payment = world.pay(world.customer())
    part = world.call("POST", "/payments/refund", {"payment_id": payment["id"], "amount": 900})
    assert part.status_code == 202
    world.work()

    too_much = world.call("POST", "/payments/refund", {"payment_id": payment["id"], "amount": 2001})
    assert (too_much.status_code, too_much.json["errors"][0]["pointer"]) == (422, "/amount")

    rest = world.call("POST", "/payments/refund", {"payment_id": payment["id"]})
    assert rest.json["amount"] == 2000
    world.work()
    refunded = world.payment(payment["id"])
    assert refunded["amount_refunded"] == 2900
    assert [refund["status"] for refund in refunded["refunds"]] == ["succeeded", "succeeded"]
    assert sum(refund["amount"] for refund in world.gateway("refunds", limit=100)["data"]) == 2900


def test_a_refund_that_the_gateway_refuses_gives_its_amount_back(world: World) -> None:
    payment = world.pay(world.customer())
    world.fault("status", path="/v1/refunds", status=400, times=1)
    world.call("POST", "/payments/refund", {"payment_id": payment["id"], "amount": 900})
    world.work()

    after = world.payment(payment["id"])
    assert (after["amount_refunded"], after["refunds"][0]["status"]) == (0, "failed")


def test_a_method_that_does_not_exist_ends_the_payment(world: World) -> None:
    accepted = world.accept_payment(world.customer(), card="pm_doesNotExist")
    world.work()

    payment = world.payment(accepted["id"])
    assert payment["status"] == "failed"
    assert world.operation(accepted)["error"]["code"] == "gateway_object_missing"


@pytest.mark.parametrize(("currency", "amount"), [("JPY", 2900), ("KWD", 2900), ("EUR", 2900)])
def test_minor_units_follow_the_currency(world: World, currency: str, amount: int) -> None:
    payment = world.pay(world.customer(), currency=currency.lower(), amount=amount)

    assert (payment["status"], payment["currency"], payment["amount"]) == ("succeeded", currency, amount)
    assert world.charges(payment)[0]["amount"] == amount
