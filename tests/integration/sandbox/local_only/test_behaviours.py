"""Cards, debits, refunds and disputes whose course only the sandbox lets a test follow quickly."""

from pathlib import Path

import pytest
import stripe

from tests.integration.sandbox.control import Control, fetch
from tests.integration.sandbox.payments import RETURN_URL, charge_of, last_error, pay
from tests.integration.sandbox.process import SECRET_KEY, SandboxProcess
from tests.integration.sandbox.waiting import wait_for


def test_a_raw_test_card_becomes_a_method(local: stripe.StripeClient) -> None:
    method = local.v1.payment_methods.create(
        {
            "type": "card",
            "card": {"number": "4242 4242 4242 4242", "exp_month": 12, "exp_year": 2040, "cvc": "123"},
        }
    )

    assert method.card is not None
    assert (method.card.last4, method.card.exp_year) == ("4242", 2040)


@pytest.mark.parametrize(
    ("number", "code"), [("4242424242424241", "incorrect_number"), ("4111111111111111", "card_declined")]
)
def test_other_numbers_are_refused_and_not_kept(
    local: stripe.StripeClient, sandbox: SandboxProcess, number: str, code: str
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        local.v1.payment_methods.create({"type": "card", "card": {"number": number, "exp_month": 12, "exp_year": 2040}})

    assert caught.value.code == code
    for file in sandbox.data_dir.iterdir():
        assert number.encode() not in file.read_bytes()


def test_a_browser_confirms_with_the_publishable_key(local: stripe.StripeClient, sandbox: SandboxProcess) -> None:
    intent = local.v1.payment_intents.create({"amount": 2000, "currency": "usd", "metadata": {"secret": "1"}})
    browser = sandbox.client(key=SECRET_KEY.replace("sk_", "pk_"))

    confirmed = browser.raw_request(
        "post",
        f"/v1/payment_intents/{intent.id}/confirm",
        client_secret=intent.client_secret,
        payment_method="pm_card_visa",
        return_url=RETURN_URL,
    )

    assert '"status":"succeeded"' in str(confirmed.body)
    assert "metadata" not in str(confirmed.body)
    with pytest.raises(stripe.InvalidRequestError, match="does not match"):
        browser.raw_request("get", f"/v1/payment_intents/{intent.id}", client_secret="wrong")
    with pytest.raises(stripe.PermissionError) as caught:
        browser.v1.customers.list()
    assert caught.value.error is not None
    assert caught.value.error.code == "secret_key_required"


def _sepa(client: stripe.StripeClient, iban: str) -> stripe.PaymentIntent:
    return client.v1.payment_intents.create(
        {
            "amount": 2000,
            "currency": "eur",
            "payment_method_data": {
                "type": "sepa_debit",
                "sepa_debit": {"iban": iban},
                "billing_details": {"name": "Jo", "email": "jo@example.com"},
            },
            "confirm": True,
            "return_url": RETURN_URL,
        }
    )


@pytest.mark.parametrize(
    ("outcome", "status", "charge_status"),
    [("settle", "succeeded", "succeeded"), ("fail", "requires_payment_method", "failed")],
)
def test_a_debit_processes_until_it_is_told_how_it_ends(
    local: stripe.StripeClient, control: Control, outcome: str, status: str, charge_status: str
) -> None:
    intent = _sepa(local, "AT321904300235473204")
    assert (intent.status, charge_of(local, intent).status) == ("processing", "pending")

    control.post(f"/payment_intents/{intent.id}", outcome=outcome)

    ended = local.v1.payment_intents.retrieve(intent.id)
    assert (ended.status, charge_of(local, ended).status) == (status, charge_status)


def test_a_debit_fails_by_itself(local: stripe.StripeClient) -> None:
    intent = _sepa(local, "AT861904300235473202")

    failed = wait_for(
        lambda: found if (found := local.v1.payment_intents.retrieve(intent.id)).status != "processing" else None
    )

    assert last_error(failed).code == "payment_intent_payment_attempt_failed"


def test_a_refund_may_fail_later(local: stripe.StripeClient) -> None:
    intent = pay(local, "pm_card_refundFail")
    refund = local.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "succeeded"

    wait_for(lambda: local.v1.refunds.retrieve(refund.id).status == "failed")

    assert charge_of(local, intent).amount_refunded == 0


def test_a_refund_may_be_pending(local: stripe.StripeClient) -> None:
    intent = pay(local, "pm_card_pendingRefund")
    refund = local.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "pending"

    wait_for(lambda: local.v1.refunds.retrieve(refund.id).status == "succeeded")


def test_a_card_may_lead_to_a_dispute(local: stripe.StripeClient) -> None:
    intent = pay(local, "pm_card_createDispute")

    (dispute,) = wait_for(lambda: local.v1.disputes.list({"payment_intent": intent.id}).data)

    assert (dispute.reason, dispute.status, dispute.amount) == ("fraudulent", "needs_response", 2000)
    created = dispute.created
    assert dispute.id in [
        each.id for each in local.v1.disputes.list({"created": {"gte": created, "lt": created + 1}}).data
    ]
    assert dispute.id not in [each.id for each in local.v1.disputes.list({"created": {"lt": created}}).data]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        local.v1.refunds.create({"payment_intent": intent.id})
    assert caught.value.code == "charge_disputed"


@pytest.mark.parametrize(("outcome", "movements"), [("won", [-2000, 2000]), ("lost", [-2000])])
def test_a_dispute_moves_money(
    local: stripe.StripeClient, control: Control, outcome: str, movements: list[int]
) -> None:
    intent = pay(local, "pm_card_visa")
    dispute = control.post("/disputes", charge=intent.latest_charge, reason="product_not_received")

    control.post(f"/disputes/{dispute['id']}", outcome=outcome)

    closed = local.v1.disputes.retrieve(dispute["id"])
    assert closed.status == outcome
    assert [entry.amount for entry in closed.balance_transactions] == movements
    types = {event.type for event in local.v1.events.list({"limit": 20}).data}
    assert {"charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed"} <= types
    assert ("charge.dispute.funds_reinstated" in types) is (outcome == "won")


def test_evidence_can_win_a_dispute(local: stripe.StripeClient, control: Control) -> None:
    intent = pay(local, "pm_card_visa")
    dispute = control.post("/disputes", charge=intent.latest_charge)

    local.v1.disputes.update(dispute["id"], {"evidence": {"uncategorized_text": "winning_evidence"}})

    assert local.v1.disputes.retrieve(dispute["id"]).status == "won"


def test_intents_are_found_by_metadata(local: stripe.StripeClient) -> None:
    made = [pay(local, "pm_card_visa", metadata={"order": "7", "n": str(number)}).id for number in range(3)]
    pay(local, "pm_card_visa", metadata={"order": "8"})

    found = local.v1.payment_intents.search({"query": "metadata['order']:'7' AND status:'succeeded'", "limit": 2})
    rest = local.v1.payment_intents.search({"query": "metadata['order']:'7'", "page": str(found.next_page)})

    assert [intent.id for intent in found.data] == made[:0:-1]
    assert [intent.id for intent in rest.data] == made[:1]
    with pytest.raises(stripe.InvalidRequestError, match="unable to parse"):
        local.v1.payment_intents.search({"query": "amount>5"})


def test_three_decimal_amounts_end_in_zero(local: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="divisible by 10"):
        local.v1.payment_intents.create({"amount": 1001, "currency": "kwd"})

    assert local.v1.payment_intents.create({"amount": 1000, "currency": "kwd"}).amount == 1000


def test_the_cards_can_be_overridden(tmp_path: Path) -> None:
    cards = tmp_path / "cards.toml"
    cards.write_text('[[cards]]\nnumber = "4000000000000002"\ntokens = ["pm_card_mine"]\nauthentication = "always"\n')
    own = SandboxProcess(data_dir=tmp_path / "data", cards=cards)
    own.start()
    try:
        assert pay(own.client(), "pm_card_mine").status == "requires_action"
    finally:
        own.close()


def test_the_cards_are_listed(control: Control) -> None:
    cards = {card["number"]: card for card in control.get("/cards")["cards"]}

    assert cards["4000000000009995"]["decline"] == "insufficient_funds"


def test_the_overview_shows_what_there_is(local: stripe.StripeClient, control: Control) -> None:
    local.v1.customers.create({"name": "<script>alert(1)</script>"})
    intent = pay(local, "pm_card_visa")

    page = fetch(f"{control.url}/")

    assert page.status == 200
    assert intent.id in page.body
    assert "<script>" not in page.body
    assert fetch(f"{control.url}/sandbox.css").headers["content-type"] == "text/css; charset=utf-8"
