"""Payment intents: paying, declining, authorising, 3D Secure and the rules of amounts."""

import uuid
from collections.abc import Callable

import pytest
import stripe

from tests.integration.sandbox.payments import RETURN_URL, charge_of, last_error, pay
from tests.integration.sandbox.waiting import wait_for


def test_a_payment_succeeds_and_is_booked_a_moment_later(client: stripe.StripeClient) -> None:
    intent = pay(client, "pm_card_visa", amount=1050)

    assert (intent.status, intent.amount_received, intent.capture_method) == ("succeeded", 1050, "automatic_async")
    booked = wait_for(lambda: charge_of(client, intent).balance_transaction)
    entry = client.v1.balance_transactions.retrieve(str(booked))
    # 2.9 % of 10.50 is 0.3045, so 0.30, and 0.30 make 0.60.
    assert (entry.amount, entry.fee, entry.net, entry.type) == (1050, 60, 990, "charge")


def test_automatic_capture_is_booked_at_once(client: stripe.StripeClient) -> None:
    intent = pay(client, "pm_card_visa", capture_method="automatic")

    assert charge_of(client, intent).balance_transaction is not None


@pytest.mark.parametrize(
    ("token", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
        ("pm_card_radarBlock", "card_declined", "fraudulent"),
    ],
)
def test_a_decline_is_told_in_full(client: stripe.StripeClient, token: str, code: str, decline_code: str) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay(client, token)

    error = caught.value.error
    assert error is not None
    assert (caught.value.http_status, error.type) == (402, "card_error")
    assert (error.code, error.decline_code) == (code, decline_code)
    assert error.payment_intent is not None
    assert error.payment_method is not None
    intent = client.v1.payment_intents.retrieve(error.payment_intent.id)
    assert intent.status == "requires_payment_method"
    assert last_error(intent).code == code
    charge = charge_of(client, intent)
    assert (charge.id, charge.status, charge.paid) == (error.charge, "failed", False)


def test_a_decline_is_kept_under_its_key(client: stripe.StripeClient) -> None:
    key = {"idempotency_key": str(uuid.uuid4())}
    seen: list[str] = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as caught:
            client.v1.payment_intents.create(
                {
                    "amount": 2000,
                    "currency": "usd",
                    "payment_method": "pm_card_chargeDeclined",
                    "confirm": True,
                    "return_url": RETURN_URL,
                },
                {"idempotency_key": key["idempotency_key"]},
            )
        assert caught.value.error is not None
        assert caught.value.error.payment_intent is not None
        seen.append(caught.value.error.payment_intent.id)

    assert seen[0] == seen[1]


def test_another_method_pays_after_a_decline(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay(client, "pm_card_chargeDeclined")
    assert caught.value.error is not None
    assert caught.value.error.payment_intent is not None

    intent = client.v1.payment_intents.confirm(
        caught.value.error.payment_intent.id, {"payment_method": "pm_card_visa", "return_url": RETURN_URL}
    )

    assert intent.status == "succeeded"
    assert intent.last_payment_error is None


def test_three_d_secure_redirects_where_there_is_a_way_back(client: stripe.StripeClient) -> None:
    intent = pay(client, "pm_card_threeDSecure2Required")

    assert intent.status == "requires_action"
    assert intent.next_action is not None
    assert intent.next_action.type == "redirect_to_url"
    assert intent.next_action.redirect_to_url is not None
    assert intent.next_action.redirect_to_url.return_url == RETURN_URL


def test_three_d_secure_uses_the_sdk_otherwise(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create(
        {
            "amount": 2000,
            "currency": "usd",
            "payment_method": "pm_card_threeDSecure2Required",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )

    assert intent.status == "requires_action"
    assert intent.next_action is not None
    assert intent.next_action.type == "use_stripe_sdk"


def test_off_session_a_card_that_asks_for_authentication_declines(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    method = client.v1.payment_methods.attach("pm_card_authenticationRequired", {"customer": customer.id})

    with pytest.raises(stripe.CardError) as caught:
        pay(client, method.id, customer=customer.id, off_session=True)

    error = caught.value.error
    assert error is not None
    assert error.code == "authentication_required"
    assert error.payment_intent is not None
    assert error.payment_intent.status == "requires_payment_method"
    assert error.payment_method is not None
    assert error.payment_method.id == method.id


def test_confirming_may_refuse_actions(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay(client, "pm_card_threeDSecure2Required", error_on_requires_action=True)

    assert caught.value.code == "authentication_required"


def test_automatic_methods_need_a_way_back(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        client.v1.payment_intents.create(
            {
                "amount": 2000,
                "currency": "usd",
                "payment_method": "pm_card_visa",
                "confirm": True,
            }
        )


def test_a_part_of_an_authorisation_is_captured(client: stripe.StripeClient) -> None:
    intent = pay(client, "pm_card_visa", capture_method="manual")
    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("requires_capture", 2000, 0)

    captured = client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 1500})

    assert (captured.status, captured.amount, captured.amount_received) == ("succeeded", 2000, 1500)
    assert charge_of(client, captured).amount_captured == 1500


def test_a_paid_intent_is_not_captured_canceled_or_confirmed(client: stripe.StripeClient) -> None:
    intent = pay(client, "pm_card_visa")

    requests: list[Callable[[], object]] = [
        lambda: client.v1.payment_intents.capture(intent.id),
        lambda: client.v1.payment_intents.cancel(intent.id),
        lambda: client.v1.payment_intents.confirm(intent.id, {"return_url": RETURN_URL}),
    ]
    for request in requests:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            request()
        assert caught.value.code == "payment_intent_unexpected_state"
        assert caught.value.error is not None
        assert caught.value.error.payment_intent is not None


def test_canceling_releases_an_authorisation(client: stripe.StripeClient) -> None:
    intent = pay(client, "pm_card_visa", capture_method="manual")

    canceled = client.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "requested_by_customer"})

    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "requested_by_customer")
    assert charge_of(client, canceled).refunded is True


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (49, "usd", "amount_too_small"),
        (100_000_000, "usd", "amount_too_large"),
        (0, "usd", "parameter_invalid_integer"),
        (29, "gbp", "amount_too_small"),
    ],
)
def test_amounts_have_limits(client: stripe.StripeClient, amount: int, currency: str, code: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.create({"amount": amount, "currency": currency})

    assert (caught.value.code, caught.value.param) == (code, "amount")


def test_an_unknown_currency_is_named(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Invalid currency: xyz") as caught:
        client.v1.payment_intents.create({"amount": 2000, "currency": "xyz"})

    assert caught.value.param == "currency"


def test_paying_can_keep_the_method_for_later(client: stripe.StripeClient, customer: stripe.Customer) -> None:
    intent = pay(client, "pm_card_visa", customer=customer.id, setup_future_usage="off_session")

    methods = client.v1.payment_methods.list({"customer": customer.id})

    assert [method.id for method in methods.data] == [intent.payment_method]
    again = pay(client, str(intent.payment_method), customer=customer.id, off_session=True)
    assert again.status == "succeeded"


def test_an_open_intent_is_updated(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 2000, "currency": "usd"})

    updated = client.v1.payment_intents.update(
        intent.id, {"amount": 2500, "description": "More", "payment_method": "pm_card_visa"}
    )

    assert (updated.amount, updated.description, updated.status) == (2500, "More", "requires_confirmation")
