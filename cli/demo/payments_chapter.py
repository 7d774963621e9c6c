"""The first chapter: a customer, its card and what it pays."""

from typing import Any

from cli.demo.receiver import Receiver
from cli.demo.scene import Scene, Step, require
from cli.demo.telling import tell_remark, tell_webhook

PRICE_MINOR = 2_900
REFUND_MINOR = 900
CURRENCY = "USD"
# Stripe's test tokens stand for cards, so that no card number passes through the service.
GOOD_CARD = "pm_card_visa"
CARD_WITH_3D_SECURE = "pm_card_threeDSecure2Required"
CARD_THAT_IS_DISPUTED = "pm_card_createDispute"
CARD_WITHOUT_FUNDS = "pm_card_chargeDeclinedInsufficientFunds"

# In test mode Stripe decides a dispute by this word.
WINNING_EVIDENCE = "winning_evidence"


def create_customer(scene: Scene) -> None:
    """A customer is there at once; the gateway's customer follows by a worker."""
    customer = scene.post("/customers", {"email": "ada@example.com", "name": "Ada Lovelace"}, expected=201)
    scene.customer_id = customer["id"]


def save_card(scene: Scene) -> None:
    """The card goes from the browser to Stripe; the service only learns its token."""
    intent = scene.post(f"/customers/{scene.customer_id}/setup-intents", {}, expected=201)
    confirmed = scene.checked(
        scene.browser.confirm_setup(
            client_secret=intent["client_secret"], payment_method=GOOD_CARD, return_url=scene.return_url
        ),
        expected=200,
    )
    require(confirmed["status"], equals="succeeded", what="the setup intent's status")
    scene.webhook("setup_intent.succeeded", about=confirmed["id"])
    cards = scene.get(f"/customers/{scene.customer_id}/payment-methods")["data"]
    require(len(cards), equals=1, what="the number of saved cards")
    scene.payment_method = cards[0]["id"]


def pay(scene: Scene) -> None:
    """A payment with the saved card is through within the request."""
    payment = scene.post("/payments/intent", _payment(scene, payment_method=scene.payment_method), expected=201)
    require(payment["status"], equals="succeeded", what="the payment's status")
    scene.payment_id, scene.payment_intent = payment["id"], payment["gateway_id"]
    scene.webhook("payment_intent.succeeded", about=scene.payment_intent)


def pay_with_3d_secure(scene: Scene) -> None:
    """The bank asks the customer; the payment waits for the answer."""
    body = {**_payment(scene, payment_method=CARD_WITH_3D_SECURE), "return_url": scene.return_url}
    payment = scene.post("/payments/intent", body, expected=201)
    require(payment["status"], equals="requires_action", what="the payment's status")
    tell_remark("the customer opens the bank's page and presses Complete:")
    scene.checked(scene.browser.press(button="Complete", url=payment["next_action"]["url"]), expected=303)
    scene.webhook("payment_intent.succeeded", about=payment["gateway_id"])
    require(scene.get(f"/payments/{payment['id']}")["status"], equals="succeeded", what="the payment's status")


def be_declined(scene: Scene) -> None:
    """A decline is an answer, with what to do next; nothing is charged."""
    problem = scene.post("/payments/intent", _payment(scene, payment_method=CARD_WITHOUT_FUNDS), expected=402)
    require(problem["code"], equals="payment_declined", what="the problem's code")
    require(problem["decline"]["code"], equals="insufficient_funds", what="the decline's code")
    payment = scene.get(f"/payments/{problem['payment_id']}")
    require(payment["status"], equals="requires_payment_method", what="the payment's status")
    scene.webhook("payment_intent.payment_failed", about=payment["gateway_id"])


def refund(scene: Scene) -> None:
    """A part of the first payment goes back."""
    body = {"payment_id": scene.payment_id, "amount": REFUND_MINOR, "reason": "requested_by_customer"}
    scene.post("/payments/refund", body, expected=201)
    scene.webhook("charge.refunded", about=scene.payment_intent)
    payment = scene.get(f"/payments/{scene.payment_id}")
    require(payment["amount_refunded"], equals=REFUND_MINOR, what="the payment's amount_refunded")


def dispute(scene: Scene) -> None:
    """The cardholder's bank takes a payment back; evidence wins it."""
    payment = scene.post("/payments/intent", _payment(scene, payment_method=CARD_THAT_IS_DISPUTED), expected=201)
    scene.webhook("charge.dispute.created", about=payment["gateway_id"])
    opened = scene.get(f"/payments/{payment['id']}")
    require(opened["amount_disputed"], equals=PRICE_MINOR, what="the payment's amount_disputed")
    path = f"/disputes/{opened['disputes'][0]['id']}"
    scene.post(f"{path}/evidence", {"uncategorized_text": WINNING_EVIDENCE, "submit": True}, expected=200)
    scene.webhook("charge.dispute.closed", about=payment["gateway_id"])
    require(scene.get(path)["status"], equals="won", what="the dispute's status")


def hear_of_it(scene: Scene) -> None:
    """The product hears of a payment by a signed webhook of the service's own."""
    with Receiver() as receiver:
        body = {"url": receiver.url, "events": ["payment.succeeded"], "description": "billing demo"}
        endpoint = scene.post("/webhook-endpoints", body, expected=201)
        receiver.secret = endpoint["secret"]
        try:
            payment = scene.post("/payments/intent", _payment(scene, payment_method=scene.payment_method), expected=201)
            event = receiver.event(event_type="payment.succeeded", about=payment["id"])
            tell_webhook({"type": event["type"], "id": event["id"], "status": "arrived, and its signature is right"})
        finally:
            scene.delete(f"/webhook-endpoints/{endpoint['id']}")


STEPS = (
    Step(title="A customer", run=create_customer),
    Step(title="The customer saves a card", run=save_card),
    Step(title="A payment", run=pay),
    Step(title="A payment that needs 3D Secure", run=pay_with_3d_secure),
    Step(title="A declined card", run=be_declined),
    Step(title="A refund", run=refund),
    Step(title="A dispute", run=dispute),
    Step(title="Your product hears of a payment", run=hear_of_it),
)


def _payment(scene: Scene, *, payment_method: str) -> dict[str, Any]:
    return {
        "customer_id": scene.customer_id,
        "amount": PRICE_MINOR,
        "currency": CURRENCY,
        "payment_method": payment_method,
        "confirm": True,
    }
