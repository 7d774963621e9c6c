"""Events and webhook endpoints, as far as the API shows them."""

import stripe

from tests.integration.sandbox.payments import pay
from tests.integration.sandbox.waiting import wait_for


def test_a_payment_leaves_its_events(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    intent = pay(client, "pm_card_visa", customer=customer.id)

    def told() -> list[stripe.Event] | None:
        events = client.v1.events.list(
            {
                "types": ["payment_intent.created", "payment_intent.succeeded", "charge.succeeded"],
                "limit": 20,
            }
        ).data
        ours = [event for event in events if event.data.object["id"] in (intent.id, intent.latest_charge)]
        return ours if len(ours) == 3 else None

    events = wait_for(told)
    assert {event.type for event in events} == {
        "payment_intent.created",
        "payment_intent.succeeded",
        "charge.succeeded",
    }
    assert all(event.request is not None and event.request.id for event in events)
    assert client.v1.events.retrieve(events[0].id).id == events[0].id


def test_an_update_tells_what_was_before(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    client.v1.customers.update(customer.id, {"name": "Renamed", "invoice_settings": {"footer": "Thanks"}})

    def told() -> stripe.Event | None:
        events = client.v1.events.list({"type": "customer.updated", "limit": 20}).data
        return next((event for event in events if event.data.object["id"] == customer.id), None)

    event = wait_for(told)
    assert event.data.previous_attributes is not None
    assert event.data.previous_attributes["name"] == "Contract"
    assert event.data.previous_attributes["invoice_settings"]["footer"] is None


def test_an_endpoint_lives_and_dies(client: stripe.StripeClient) -> None:
    endpoint = client.v1.webhook_endpoints.create(
        {
            "url": "https://example.com/hook",
            "enabled_events": ["charge.succeeded"],
            "description": "contract suite",
        }
    )
    try:
        assert (endpoint.secret or "").startswith("whsec_")
        assert client.v1.webhook_endpoints.retrieve(endpoint.id).to_dict().get("secret") is None
        disabled = client.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
        assert disabled.status == "disabled"
    finally:
        deleted = client.v1.webhook_endpoints.delete(endpoint.id)
    assert deleted.deleted is True
