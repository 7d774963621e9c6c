"""3D Secure, to its end."""

import urllib.parse

import pytest
import stripe

from tests.integration.sandbox.control import Control, fetch, submit
from tests.integration.sandbox.payments import RETURN_URL, last_error, pay


def _page_of(intent: stripe.PaymentIntent | stripe.SetupIntent) -> str:
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    return str(intent.next_action.redirect_to_url.url)


def test_the_page_has_two_plain_buttons(local: stripe.StripeClient) -> None:
    page = fetch(_page_of(pay(local, "pm_card_threeDSecure2Required")))

    assert page.status == 200
    assert "$20.00 USD" in page.body
    assert '<button class="primary" name="outcome" value="complete">Complete</button>' in page.body
    assert '<button name="outcome" value="fail">Fail</button>' in page.body


def test_the_page_needs_the_client_secret(local: stripe.StripeClient, control: Control) -> None:
    intent = pay(local, "pm_card_threeDSecure2Required")

    assert fetch(f"{control.url}/3ds/{intent.id}").status == 404
    assert submit(f"{control.url}/3ds/{intent.id}?client_secret=wrong", outcome="complete").status == 404


def test_completing_pays_and_returns_to_the_shop(local: stripe.StripeClient) -> None:
    intent = pay(local, "pm_card_threeDSecure2Required")

    answer = submit(_page_of(intent), outcome="complete")

    assert answer.status == 303
    way_back = urllib.parse.urlsplit(answer.headers["location"])
    assert way_back._replace(query="").geturl() == RETURN_URL
    assert dict(urllib.parse.parse_qsl(way_back.query)) == {
        "payment_intent": intent.id,
        "payment_intent_client_secret": intent.client_secret,
        "redirect_status": "succeeded",
    }
    paid = local.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert (paid.status, paid.next_action) == ("succeeded", None)
    assert isinstance(paid.latest_charge, stripe.Charge)
    assert paid.latest_charge.payment_method_details is not None
    assert paid.latest_charge.payment_method_details.card is not None
    assert paid.latest_charge.payment_method_details.card.three_d_secure is not None


def test_failing_asks_for_another_method(local: stripe.StripeClient) -> None:
    intent = pay(local, "pm_card_threeDSecure2Required")

    answer = submit(_page_of(intent), outcome="fail")

    assert "redirect_status=failed" in answer.headers["location"]
    failed = local.v1.payment_intents.retrieve(intent.id)
    assert failed.status == "requires_payment_method"
    assert last_error(failed).code == "payment_intent_authentication_failure"


@pytest.mark.parametrize(
    ("token", "decline_code"),
    [
        ("pm_card_threeDSecureRequiredChargeDeclined", "generic_decline"),
        ("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", "insufficient_funds"),
    ],
)
def test_some_cards_decline_after_authentication(
    local: stripe.StripeClient, control: Control, token: str, decline_code: str
) -> None:
    intent = pay(local, token)
    assert intent.status == "requires_action"

    control.post(f"/authenticate/{intent.id}", outcome="complete")

    failed = local.v1.payment_intents.retrieve(intent.id)
    assert failed.status == "requires_payment_method"
    assert last_error(failed).decline_code == decline_code


def test_a_card_that_was_set_up_pays_off_session(local: stripe.StripeClient, control: Control) -> None:
    customer = local.v1.customers.create({})
    setup = local.v1.setup_intents.create(
        {
            "customer": customer.id,
            "payment_method": "pm_card_authenticationRequiredOnSetup",
            "confirm": True,
            "return_url": RETURN_URL,
        }
    )
    submit(_page_of(setup), outcome="complete")
    done = local.v1.setup_intents.retrieve(setup.id)
    assert done.status == "succeeded"

    off_session = pay(local, str(done.payment_method), customer=customer.id, off_session=True)
    on_session = pay(local, str(done.payment_method), customer=customer.id)

    assert (off_session.status, on_session.status) == ("succeeded", "requires_action")


def test_a_card_that_was_only_attached_declines_off_session(local: stripe.StripeClient) -> None:
    customer = local.v1.customers.create({})
    method = local.v1.payment_methods.attach("pm_card_authenticationRequiredOnSetup", {"customer": customer.id})

    with pytest.raises(stripe.CardError) as caught:
        pay(local, method.id, customer=customer.id, off_session=True)

    assert caught.value.code == "authentication_required"


def test_manual_confirmation_is_confirmed_once_more(local: stripe.StripeClient, control: Control) -> None:
    intent = pay(local, "pm_card_threeDSecure2Required", confirmation_method="manual")
    control.post(f"/authenticate/{intent.id}", outcome="complete")
    assert local.v1.payment_intents.retrieve(intent.id).status == "requires_confirmation"

    confirmed = local.v1.payment_intents.confirm(intent.id, {"return_url": RETURN_URL})

    assert confirmed.status == "succeeded"


def test_three_d_secure_can_authorise_for_later_capture(local: stripe.StripeClient, control: Control) -> None:
    intent = pay(local, "pm_card_threeDSecure2Required", capture_method="manual")

    assert "redirect_status=succeeded" in submit(_page_of(intent), outcome="complete").headers["location"]

    assert local.v1.payment_intents.retrieve(intent.id).status == "requires_capture"
