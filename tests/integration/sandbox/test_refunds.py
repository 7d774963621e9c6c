"""Refunds: parts, wholes and too much."""

import pytest
import stripe

from tests.integration.sandbox.payments import charge_of, pay


def test_parts_are_refunded_until_nothing_is_left(client: stripe.StripeClient) -> None:
    intent = pay(client, "pm_card_visa")

    part = client.v1.refunds.create({"payment_intent": intent.id, "amount": 500, "metadata": {"why": "test"}})
    rest = client.v1.refunds.create({"charge": str(intent.latest_charge), "reason": "requested_by_customer"})

    assert (part.amount, part.status, rest.amount) == (500, "succeeded", 1500)
    charge = charge_of(client, intent)
    assert (charge.amount_refunded, charge.refunded) == (2000, True)
    listed = client.v1.refunds.list({"payment_intent": intent.id})
    assert [refund.id for refund in listed.data] == [rest.id, part.id]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": intent.id})
    assert caught.value.code == "charge_already_refunded"


def test_more_than_was_paid_is_refused(client: stripe.StripeClient) -> None:
    intent = pay(client, "pm_card_visa")

    with pytest.raises(stripe.InvalidRequestError, match=r"\(\$20.01\) is greater than charge amount \(\$20.00\)"):
        client.v1.refunds.create({"payment_intent": intent.id, "amount": 2001})


def test_a_refund_names_its_balance_transaction(client: stripe.StripeClient) -> None:
    intent = pay(client, "pm_card_visa", capture_method="automatic")

    refund = client.v1.refunds.create({"payment_intent": intent.id, "expand": ["balance_transaction"]})

    assert isinstance(refund.balance_transaction, stripe.BalanceTransaction)
    assert (refund.balance_transaction.amount, refund.balance_transaction.type) == (-2000, "refund")


def test_an_unpaid_intent_has_nothing_to_refund(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 2000, "currency": "usd"})

    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge to refund"):
        client.v1.refunds.create({"payment_intent": intent.id})
