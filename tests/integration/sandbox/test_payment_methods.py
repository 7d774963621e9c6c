"""Payment methods: test tokens, attaching, detaching and the rules of their use."""

import pytest
import stripe

from tests.integration.sandbox.payments import pay


@pytest.mark.parametrize(
    ("token", "brand", "last4"),
    [
        ("pm_card_visa", "visa", "4242"),
        ("pm_card_mastercard", "mastercard", "4444"),
        ("pm_card_amex", "amex", "8431"),
        ("pm_card_discover", "discover", "9424"),
    ],
)
def test_a_token_attaches_as_a_fresh_method(
    client: stripe.StripeClient, customer: stripe.Customer, token: str, brand: str, last4: str
) -> None:
    method = client.v1.payment_methods.attach(token, {"customer": customer.id})

    assert method.id.startswith("pm_")
    assert method.id != token
    assert method.customer == customer.id
    assert method.card is not None
    assert (method.card.brand, method.card.last4) == (brand, last4)


def test_attached_methods_are_listed(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})

    listed = client.v1.payment_methods.list({"customer": customer.id, "type": "card"})
    of_customer = client.v1.customers.payment_methods.list(customer.id)

    assert [found.id for found in listed.data] == [method.id]
    assert [found.id for found in of_customer.data] == [method.id]


def test_attaching_a_declining_card_is_a_decline(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    with pytest.raises(stripe.CardError) as caught:
        client.v1.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer.id})

    assert caught.value.http_status == 402
    assert caught.value.code == "card_declined"


def test_a_card_that_only_declines_charges_attaches(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    method = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})

    with pytest.raises(stripe.CardError) as caught:
        pay(client, method.id, customer=customer.id)

    assert caught.value.code == "card_declined"


def test_attaching_the_unknown_names_the_parameter(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_methods.attach("pm_missing", {"customer": customer.id})

    assert (caught.value.http_status, caught.value.param) == (404, "payment_method")


def test_a_detached_method_may_not_be_used_again(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    client.v1.payment_methods.detach(method.id)

    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        client.v1.payment_methods.attach(method.id, {"customer": customer.id})


def test_a_method_needs_its_customer(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    other = client.v1.customers.create({})

    with pytest.raises(stripe.InvalidRequestError, match=f"belongs to the Customer {customer.id}"):
        pay(client, method.id)
    with pytest.raises(stripe.InvalidRequestError):
        pay(client, method.id, customer=other.id)


def test_a_default_method_must_be_attached(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    other = client.v1.customers.create({})

    updated = client.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})

    assert updated.invoice_settings is not None
    assert updated.invoice_settings.default_payment_method == method.id
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.update(other.id, {"invoice_settings": {"default_payment_method": method.id}})
