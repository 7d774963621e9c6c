"""Payments as the tests make them."""

import stripe

RETURN_URL = "https://example.com/return"


def pay(
    client: stripe.StripeClient,
    method: str,
    *,
    amount: int = 2000,
    customer: str | None = None,
    **settings: object,
) -> stripe.PaymentIntent:
    """Create and confirm a payment intent in one request."""
    params: dict[str, object] = {
        "amount": amount,
        "currency": "usd",
        "payment_method": method,
        "confirm": True,
        "return_url": RETURN_URL,
        **settings,
    }
    if customer is not None:
        params["customer"] = customer
    return client.v1.payment_intents.create(params)  # type: ignore[arg-type]  # built up, so no TypedDict


def last_error(intent: stripe.PaymentIntent) -> stripe.PaymentIntent.LastPaymentError:
    assert intent.last_payment_error is not None
    return intent.last_payment_error


def charge_of(client: stripe.StripeClient, intent: stripe.PaymentIntent) -> stripe.Charge:
    return client.v1.charges.retrieve(str(intent.latest_charge))
