"""The chapter of subscriptions and invoices: a year on a test clock, and two credit notes."""

import time
from collections.abc import Mapping
from typing import Any

from cli.demo.scene import Scene, Step, StoryBroken, require

_SECONDS_MAX = 120.0
_PAUSE_SECONDS = 0.3


def a_year(scene: Scene) -> None:
    """Pro with a trial from 31 January on, Team in the middle of a month, a pause, a forgotten card, Pro again, and the end."""
    begins = "2027-01-31T09:00:00Z"
    clock = str(scene.post("/test-clocks", {"frozen_time": begins, "name": "A year"}, expected=201)["id"])
    body = {"email": "joan@example.com", "name": "Joan Clarke", "test_clock": clock}
    customer = str(scene.post("/customers", body, expected=201)["id"])
    _use_card(scene, customer, "pm_card_visa")
    policy = {"granularity": "day", "event_day": "new_plan"}
    wish = {"customer_id": customer, "plan": "pro", "billing_anchor_day": 31, "proration_policy": policy}
    subscription = scene.post("/subscriptions", wish, expected=201)
    path = f"/subscriptions/{subscription['id']}"
    require(subscription["status"], equals="trialing", what="the subscription's status")
    _advance(scene, clock, to="2027-04-15T00:00:00Z")
    starts = [invoice["period_start"][5:10] for invoice in _invoices(scene, customer)]
    require(starts, equals=["02-14", "02-28", "03-31"], what="when the periods began")
    _change_to_team(scene, path, customer)
    scene.post(f"{path}/pause", {"until": "2027-06-15T00:00:00Z"}, expected=200)
    _advance(scene, clock, to="2027-06-20T00:00:00Z")
    require(scene.get(path)["status"], equals="active", what="the status after the pause")
    _forget_a_card(scene, clock, path, customer)
    scheduled = scene.put(path, {"plan": "pro"}, expected=200)
    require(scheduled["pending_change"]["plan"], equals="pro", what="what waits for the period's end")
    _advance(scene, clock, to="2027-09-15T00:00:00Z")
    require(scene.get(path)["plan"], equals="pro", what="the plan after the period's end")
    scene.post(f"{path}/cancel", {"reason": "the project is done"}, expected=200)
    _advance(scene, clock, to="2028-01-31T09:00:00Z")
    require(scene.get(path)["status"], equals="canceled", what="the status a year later")
    statuses = {invoice["status"] for invoice in _invoices(scene, customer)}
    require(statuses, equals={"paid"}, what="what became of the invoices")
    for row in scene.get("/ledger/trial-balance")["data"]:
        require(row["debit"], equals=row["credit"], what=f"the trial balance in {row['asset']}")


def _change_to_team(scene: Scene, path: str, customer: str) -> None:
    """Team from the middle of the month on: what is shown before is what is billed."""
    shown = scene.post(f"{path}/preview", {"plan": "team"}, expected=200)
    formulas = [line["formula"] for line in shown["lines"]]
    require(formulas, equals=["-15/30 × 29.00", "15/30 × 99.00"], what="the formulas of the change")
    changed = scene.put(path, {"plan": "team", "preview_token": shown["preview_token"]}, expected=200)
    require(changed["plan"], equals="team", what="the plan")
    invoice = _invoices(scene, customer)[-1]
    require(invoice["total_amount"], equals=shown["total_amount"], what="the total of the change's invoice")


def _forget_a_card(scene: Scene, clock: str, path: str, customer: str) -> None:
    """A renewal is declined, and tried again; another card is tried at once."""
    _use_card(scene, customer, "pm_card_chargeCustomerFail")
    _advance(scene, clock, to="2027-06-30T12:00:00Z")
    case = scene.get("/dunning", customer_id=customer)["data"][0]
    require((case["status"], case["next_step"]), equals=("open", "retry"), what="the case of the failed renewal")
    require(scene.get(path)["status"], equals="past_due", what="the subscription's status")
    _use_card(scene, customer, "pm_card_visa")
    _advance(scene, clock, to="2027-07-02T00:00:00Z")
    require(scene.get(f"/dunning/{case['id']}")["status"], equals="recovered", what="the case after another card")


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
    Step(title="A year of a subscription: a change of plan, a pause, a card that fails, the end", run=a_year),
    Step(title="An invoice by hand, and two credit notes of it", run=an_invoice_is_taken_back_in_part),
)
