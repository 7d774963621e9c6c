"""The chapter of subscriptions and invoices: half a year on a test clock with a card that fails, and two credit notes."""

import time
from collections.abc import Mapping
from typing import Any

from cli.demo.scene import Scene, Step, StoryBroken, require

_SECONDS_MAX = 120.0
_PAUSE_SECONDS = 0.3


def half_a_year(scene: Scene) -> None:
    """Pro with a trial of two weeks, from 31 January on; six months are billed, on the last days of shorter months too."""
    clock = scene.post("/test-clocks", {"frozen_time": "2027-01-31T09:00:00Z", "name": "Half a year"}, expected=201)
    body = {"email": "joan@example.com", "name": "Joan Clarke", "test_clock": clock["id"]}
    customer = scene.post("/customers", body, expected=201)["id"]
    _use_card(scene, customer, "pm_card_visa")
    wish = {"customer_id": customer, "plan": "pro", "billing_anchor_day": 31}
    subscription = scene.post("/subscriptions", wish, expected=201)
    require(subscription["status"], equals="trialing", what="the subscription's status")
    _advance(scene, str(clock["id"]), to="2027-07-15T00:00:00Z")
    paid = _invoices(scene, customer)
    require([invoice["status"] for invoice in paid], equals=["paid"] * 6, what="what became of the invoices")
    starts = [invoice["period_start"][5:10] for invoice in paid]
    require(starts, equals=["02-14", "02-28", "03-31", "04-30", "05-31", "06-30"], what="when the periods began")
    _use_card(scene, customer, "pm_card_chargeCustomerFail")
    _advance(scene, str(clock["id"]), to="2027-07-31T12:00:00Z")
    case = scene.get("/dunning", customer_id=customer)["data"][0]
    require((case["status"], case["next_step"]), equals=("open", "retry"), what="the case of the failed renewal")
    _use_card(scene, customer, "pm_card_visa")
    _advance(scene, str(clock["id"]), to="2027-08-02T00:00:00Z")
    case = scene.get(f"/dunning/{case['id']}")
    require(case["status"], equals="recovered", what="the case after another card")
    require(
        scene.get(f"/subscriptions/{subscription['id']}")["status"], equals="active", what="the subscription's status"
    )


def an_invoice_is_taken_back_in_part(scene: Scene) -> None:
    """Two lines by hand, charged at once; one of them was too much. Half of that is the customer's balance, half a refund."""
    body = {"email": "ada@example.com", "name": "Ada Byron"}
    customer = str(scene.post("/customers", body, expected=201)["id"])
    _use_card(scene, customer, "pm_card_visa")
    invoice = scene.post("/invoices", {"customer_id": customer, "currency": "USD"}, expected=201)
    path = f"/invoices/{invoice['id']}"
    scene.post(f"{path}/lines", {"description": "Setup", "amount": 9900}, expected=201)
    hours = {"description": "Consulting, hours", "amount": 15_000, "quantity": 3}
    line = scene.post(f"{path}/lines", hours, expected=201)["lines"][1]["id"]
    require(scene.post(f"{path}/finalize", {}, expected=200)["status"], equals="paid", what="the invoice's status")
    wish = {"lines": [{"line_id": line, "amount": 7500}], "reason": "half an hour too many"}
    kept = scene.post(f"{path}/credit-notes", wish, expected=201)
    require(kept["balance_amount"], equals=kept["total_amount"], what="what the customer's balance got")
    refunded = scene.post(f"{path}/credit-notes", {**wish, "give_back": "refund"}, expected=201)
    require(refunded["refund"]["status"], equals="succeeded", what="the refund's status")
    credited = scene.get(path)["amount_credited"]
    require(credited, equals=kept["total_amount"] + refunded["total_amount"], what="what was credited of the invoice")


def _use_card(scene: Scene, customer: str, card: str) -> None:
    scene.post(f"/customers/{customer}/payment-methods", {"payment_method": card, "set_default": True}, expected=201)


def _advance(scene: Scene, clock: str, *, to: str) -> None:
    """Let the clock advance, and wait until it is there. The time is the clock's: what is waited for is the work."""
    exchange = scene.api.post(f"/test-clocks/{clock}/advance", {"frozen_time": to})
    scene.checked(exchange, expected=exchange.status if exchange.status in {200, 202} else 200)
    began = time.monotonic()
    while scene.api.get(f"/test-clocks/{clock}").answer["status"] != "ready":
        if time.monotonic() - began > _SECONDS_MAX:
            raise StoryBroken(f"the clock was not there within {_SECONDS_MAX:.0f} s")
        time.sleep(_PAUSE_SECONDS)


def _invoices(scene: Scene, customer: str) -> list[Mapping[str, Any]]:
    """Return the customer's invoices, oldest first."""
    return list(reversed(scene.get("/invoices", customer_id=customer)["data"]))


STEPS = (
    Step(title="Half a year of a subscription, and a card that fails", run=half_a_year),
    Step(title="An invoice by hand, and two credit notes of it", run=an_invoice_is_taken_back_in_part),
)
