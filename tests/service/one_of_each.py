"""One customer with one of everything that a route can name."""

from datetime import timedelta
from typing import Any

from billing.clock import utc_now
from billing.subscriptions.run_due import run_due
from tests.integration.reconciliation.stories import reconcile
from tests.service.world import World, signed_body


def objects_of(world: World) -> dict[str, str]:
    """Make one customer with one of everything, and return the ids."""
    customer = world.customer_with_credits()
    hold = world.call("POST", "/credits/holds", {"customer_id": customer, "amount": 10, "operation": "render"}).json
    wish = {"customer_id": customer, "amount": 500, "payment_method": "pm_card_visa"}
    purchase = world.call("POST", "/credits/purchase", wish).json
    world.work()
    wish = {"enabled": False, "threshold": 100, "amount": 500}
    assert world.call("PUT", f"/customers/{customer}/auto-top-up", wish).status_code == 200
    attached = world.call("POST", f"/customers/{customer}/payment-methods", {"payment_method": "pm_card_visa"})
    world.work()
    method = world.operation(attached.json)["resource"]["id"]
    setup = world.call("POST", f"/customers/{customer}/setup-intents", {}).json
    payment = world.pay(customer)
    dispute = world.dispute(world.pay(customer))
    event = {"id": f"evt_{customer}", "type": "x.y", "livemode": False, "data": {"object": {}}}
    assert world.deliver_raw(signed_body(event)).status_code == 200
    world.work()
    meter = world.call("POST", "/meters", {"code": customer, "name": "Uses", "event_type": f"used.by.{customer}"}).json
    used = {"specversion": "1.0", "id": "used", "source": customer, "type": meter["event_type"], "subject": customer}
    assert world.call("POST", "/usage/events", {**used, "time": utc_now().isoformat()}).status_code == 200
    endpoint = world.call("POST", "/webhook-endpoints", {"url": "https://shop.example/"}).json["id"]
    world.call("PUT", f"/webhook-endpoints/{endpoint}", {"status": "disabled"})
    world.call("PUT", f"/customers/{customer}", {"name": "Grace"})
    world.call("PUT", f"/webhook-endpoints/{endpoint}", {"status": "enabled"})
    delivery = world.call("GET", f"/webhook-endpoints/{endpoint}/deliveries").json["data"][0]
    subscription = unpaid_subscription(world, customer)
    return {
        "customer_id": customer,
        "subscription_id": subscription["id"],
        "invoice_id": subscription["latest_invoice_id"],
        "credit_note_id": credited_invoice(world, customer)["credit_notes"][0]["id"],
        "case_id": world.call("GET", f"/dunning?customer_id={customer}").json["data"][0]["id"],
        "payment_id": payment["id"],
        "dispute_id": dispute["id"],
        "setup_intent_id": setup["id"],
        "operation_id": setup["operation"]["id"],
        "payment_method": method,
        "event_id": str(event["id"]),
        "run_id": reconcile(world)["id"],
        "own_event_id": delivery["event_id"],
        "endpoint_id": endpoint,
        "delivery_id": delivery["id"],
        "hold_id": hold["hold_id"],
        "purchase_id": purchase["id"],
        "other_customer_id": world.customer(),
        "meter_id": meter["id"],
        "event_type": meter["event_type"],
        "plan_id": world.call("GET", "/plans/pro").json["id"],
        "feature": "ai_requests",
        "clock_id": world.call("POST", "/test-clocks", {"frozen_time": "2026-01-01T00:00:00Z"}).json["id"],
    }


def credited_invoice(world: World, customer: str) -> dict[str, Any]:
    """Let a customer be sent an invoice by hand, take a part of it back, and return it."""
    draft = world.call("POST", "/invoices", {"customer_id": customer, "collection": "send_invoice"}).json
    path = f"/invoices/{draft['id']}"
    world.call("POST", f"{path}/lines", {"description": "Setup", "amount": 1000})
    assert world.call("POST", f"{path}/finalize", {}).status_code == 200
    assert world.call("POST", f"{path}/credit-notes", {"amount": 120}).status_code == 201
    found: dict[str, Any] = world.call("GET", path).json
    return found


def unpaid_subscription(world: World, customer: str) -> dict[str, Any]:
    """Let a customer subscribe with a card that is declined, and let the trial be over."""
    trial = {"customer_id": customer, "plan": "pro", "trial_days": 1, "payment_method": "pm_card_chargeDeclined"}
    subscription = world.call("POST", "/subscriptions", trial).json
    run_due(world.runtime, at=utc_now() + timedelta(days=2), now=utc_now())
    world.work()
    found: dict[str, Any] = world.call("GET", f"/subscriptions/{subscription['id']}").json
    assert found["status"] == "past_due", found
    return found
