"""Subscriptions, their prices and their invoices, as the SDK makes and changes them."""

import pytest
import stripe

from tests.integration.sandbox.selling import new_price, subscribe


def test_a_subscription_is_paid_at_once_and_its_period_is_its_items(client: stripe.StripeClient) -> None:
    price = new_price(client, lookup_key=None, metadata={"billing_plan": "pro"})
    subscription = subscribe(client, price, quantity=3)

    (item,) = subscription["items"].data
    assert (subscription.status, item.quantity, item.price.metadata["billing_plan"]) == ("active", 3, "pro")
    assert item.current_period_end > item.current_period_start
    invoice = client.v1.invoices.retrieve(str(subscription.latest_invoice))
    assert (invoice.status, invoice.amount_paid, invoice.billing_reason) == ("paid", 6000, "subscription_create")
    assert invoice.parent is not None
    assert invoice.parent.subscription_details is not None
    assert invoice.parent.subscription_details.subscription == subscription.id
    assert [line.period.start for line in invoice.lines.data] == [item.current_period_start]
    assert [charge.amount for charge in client.v1.charges.list({"customer": str(subscription.customer)}).data] == [6000]


def test_what_is_named_is_expanded(client: stripe.StripeClient) -> None:
    made = subscribe(client, new_price(client))
    paths = ["customer", "latest_invoice", "items.data.price.product"]

    found = client.v1.subscriptions.retrieve(made.id, {"expand": paths})

    assert isinstance(found.customer, stripe.Customer)
    assert isinstance(found.latest_invoice, stripe.Invoice)
    product = found["items"].data[0].price.product
    assert isinstance(product, stripe.Product)
    assert product.name == "Pro"
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.subscriptions.retrieve(made.id, {"expand": ["items.data.price.meter"]})


def test_quantity_price_and_end_are_changed_and_it_is_canceled(client: stripe.StripeClient) -> None:
    subscription = subscribe(client, new_price(client))
    item = subscription["items"].data[0]
    better = new_price(client, unit_amount=9900)

    changed = client.v1.subscriptions.update(
        subscription.id,
        {"items": [{"id": item.id, "price": better.id, "quantity": 2}], "proration_behavior": "none"},
    )
    ending = client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    going_on = client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    canceled = client.v1.subscriptions.cancel(subscription.id)

    (held,) = changed["items"].data
    assert (held.price.id, held.quantity, held.current_period_end) == (better.id, 2, item.current_period_end)
    assert (ending.cancel_at, going_on.cancel_at) == (item.current_period_end, None)
    assert canceled.status == "canceled"
    assert canceled.ended_at is not None
    assert client.v1.subscriptions.list({"customer": str(subscription.customer)}).data == []
    assert len(client.v1.subscriptions.list({"customer": str(subscription.customer), "status": "all"}).data) == 1
    with pytest.raises(stripe.InvalidRequestError, match="canceled subscription"):
        client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})


def test_a_first_payment_that_is_declined_leaves_it_incomplete_until_its_invoice_is_paid(
    client: stripe.StripeClient,
) -> None:
    subscription = subscribe(client, new_price(client), card="pm_card_chargeCustomerFail")
    assert subscription.status == "incomplete"
    customer = str(subscription.customer)
    good = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})

    with pytest.raises(stripe.CardError):
        client.v1.invoices.pay(str(subscription.latest_invoice))
    paid = client.v1.invoices.pay(str(subscription.latest_invoice), {"payment_method": good.id})

    assert paid.status == "paid"
    assert client.v1.subscriptions.retrieve(subscription.id).status == "active"


def test_without_anything_to_charge_it_is_refused(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
        client.v1.subscriptions.create({"customer": customer.id, "items": [{"price": new_price(client).id}]})


def test_lookup_keys_name_one_price(client: stripe.StripeClient) -> None:
    price = new_price(client, lookup_key="once_only")

    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        new_price(client, lookup_key="once_only")
    assert [found.id for found in client.v1.prices.list({"lookup_keys": ["once_only"]}).data] == [price.id]
