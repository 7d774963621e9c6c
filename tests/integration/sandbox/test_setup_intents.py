"""Setup intents: keeping a card for later."""

import pytest
import stripe

from tests.integration.sandbox.payments import RETURN_URL, pay


def test_a_card_is_set_up_and_then_charged_off_session(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    setup = client.v1.setup_intents.create(
        {
            "customer": customer.id,
            "payment_method": "pm_card_visa",
            "confirm": True,
            "return_url": RETURN_URL,
            "expand": ["latest_attempt"],
        }
    )

    assert (setup.status, setup.usage) == ("succeeded", "off_session")
    assert isinstance(setup.latest_attempt, stripe.SetupAttempt)
    assert setup.latest_attempt.status == "succeeded"
    intent = pay(client, str(setup.payment_method), customer=customer.id, off_session=True)
    assert intent.status == "succeeded"


def test_setting_up_may_ask_for_three_d_secure(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    setup = client.v1.setup_intents.create(
        {
            "customer": customer.id,
            "payment_method": "pm_card_authenticationRequiredOnSetup",
            "confirm": True,
            "return_url": RETURN_URL,
        }
    )

    assert setup.status == "requires_action"
    canceled = client.v1.setup_intents.cancel(setup.id)
    assert canceled.status == "canceled"


def test_a_declined_setup_carries_the_intent(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    with pytest.raises(stripe.CardError) as caught:
        client.v1.setup_intents.create(
            {
                "customer": customer.id,
                "payment_method": "pm_card_chargeDeclined",
                "confirm": True,
                "return_url": RETURN_URL,
            }
        )

    assert caught.value.error is not None
    assert caught.value.error.setup_intent is not None
    assert caught.value.error.setup_intent.status == "requires_payment_method"
