"""What time brings to a subscription: the control route ends its periods."""

import stripe

from tests.integration.sandbox.control import Control
from tests.integration.sandbox.receiver import Receiver
from tests.integration.sandbox.selling import new_price, subscribe
from tests.integration.sandbox.waiting import wait_for


def test_a_trial_is_billed_nothing_and_its_end_bills_the_first_period(
    client: stripe.StripeClient, control: Control
) -> None:
    subscription = subscribe(client, new_price(client), trial_period_days=14)
    first = client.v1.invoices.retrieve(str(subscription.latest_invoice))
    assert (subscription.status, first.status, first.amount_paid) == ("trialing", "paid", 0)

    control.post(f"/subscriptions/{subscription.id}", outcome="end_period")

    after = client.v1.subscriptions.retrieve(subscription.id)
    assert after.status == "active"
    assert after["items"].data[0].current_period_start == subscription.trial_end
    assert client.v1.invoices.retrieve(str(after.latest_invoice)).amount_paid == 2000


def test_a_renewal_that_is_declined_is_past_due_then_unpaid_and_a_late_payment_mends_it(
    client: stripe.StripeClient, control: Control
) -> None:
    subscription = subscribe(client, new_price(client))
    customer = str(subscription.customer)
    bad = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    client.v1.subscriptions.update(subscription.id, {"default_payment_method": bad.id})

    statuses = []
    for outcome in ("end_period", "give_up"):
        control.post(f"/subscriptions/{subscription.id}", outcome=outcome)
        statuses.append(client.v1.subscriptions.retrieve(subscription.id).status)
    owed = str(client.v1.subscriptions.retrieve(subscription.id).latest_invoice)
    good = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    client.v1.invoices.pay(owed, {"payment_method": good.id})

    assert statuses == ["past_due", "unpaid"]
    assert client.v1.subscriptions.retrieve(subscription.id).status == "active"
    types = {event.type for event in client.v1.events.list({"limit": 100}).data if _is_about(event, subscription, owed)}
    assert {"invoice.payment_failed", "invoice.paid", "customer.subscription.updated"} <= types


def test_a_trial_without_a_card_may_pause_and_is_resumed(client: stripe.StripeClient, control: Control) -> None:
    customer = client.v1.customers.create({"email": "trial@example.com"})
    subscription = client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": new_price(client).id}],
            "trial_period_days": 7,
            "trial_settings": {"end_behavior": {"missing_payment_method": "pause"}},
        }
    )
    control.post(f"/subscriptions/{subscription.id}", outcome="remind_of_trial_end")
    control.post(f"/subscriptions/{subscription.id}", outcome="end_period")
    assert client.v1.subscriptions.retrieve(subscription.id).status == "paused"
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    client.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": card.id}})

    assert client.v1.subscriptions.resume(subscription.id).status == "active"

    types = {event.type for event in client.v1.events.list({"limit": 100}).data if _is_about(event, subscription, "")}
    assert {f"customer.subscription.{what}" for what in ("trial_will_end", "paused", "resumed")} <= types


def _is_about(event: stripe.Event, subscription: stripe.Subscription, invoice: str) -> bool:
    return event.data.object["id"] in (subscription.id, invoice)


def test_its_events_are_signed_and_come_as_often_as_they_are_told_to(
    local: stripe.StripeClient, control: Control, receiver: Receiver
) -> None:
    control.post("/webhooks", mode="duplicate", times=2)
    subscription = subscribe(local, new_price(local))

    types = ("customer.subscription.created", "customer.subscription.updated", "invoice.paid")
    wait_for(lambda: len(receiver.events(*types)) == 6)
    about = {event.data.object["id"] for event in receiver.events(*types)}
    assert about == {subscription.id, subscription.latest_invoice}
