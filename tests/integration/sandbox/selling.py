"""Prices and subscriptions at the gateway, as the tests make them."""

from typing import Any

import stripe


def new_price(client: stripe.StripeClient, *, unit_amount: int = 2000, **settings: Any) -> stripe.Price:
    """Make a product and its monthly price."""
    product = client.v1.products.create({"name": "Pro"})
    given = {name: value for name, value in settings.items() if value is not None}
    params: Any = {
        "product": product.id,
        "currency": "usd",
        "unit_amount": unit_amount,
        "recurring": {"interval": "month"},
        **given,
    }
    return client.v1.prices.create(params)


def subscribe(
    client: stripe.StripeClient, price: stripe.Price, *, card: str = "pm_card_visa", quantity: int = 1, **settings: Any
) -> stripe.Subscription:
    """Let a new customer with a card subscribe."""
    customer = client.v1.customers.create({"email": "subscriber@example.com"})
    method = client.v1.payment_methods.attach(card, {"customer": customer.id})
    client.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})
    params: Any = {"customer": customer.id, "items": [{"price": price.id, "quantity": quantity}], **settings}
    return client.v1.subscriptions.create(params)
