"""Capturing an authorised payment, and cancelling an intent."""

from sandbox.currencies import format_amount
from sandbox.json_types import Json
from sandbox.payments.charging import book_charge, dispute_later, finish_payment
from sandbox.payments.confirmation import unexpected_state
from sandbox.wire.errors import invalid_request
from sandbox.work import Work

_CANCELABLE = (
    "requires_payment_method",
    "requires_capture",
    "requires_confirmation",
    "requires_action",
)


def capture_intent(*, work: Work, intent: Json, amount: int | None) -> None:
    """Capture an authorised payment, whole or in part (amounts in the smallest unit); the rest is released."""
    if intent["status"] != "requires_capture":
        raise unexpected_state(
            intent=intent,
            message=f"This PaymentIntent could not be captured because it has a status of {intent['status']}. Only a "
            "PaymentIntent with one of the following statuses may be captured: requires_capture.",
        )
    capturable = intent["amount_capturable"]
    captured = capturable if amount is None else amount
    if captured > capturable:
        limit = format_amount(amount=capturable, currency=intent["currency"])
        raise invalid_request(
            message=f"The amount to capture is larger than the amount that can be captured ({limit}).",
            param="amount_to_capture",
            code="amount_too_large",
        )
    charge = work.get("charge", intent["latest_charge"], param="charge")
    charge |= {
        "amount_captured": captured,
        "amount_refunded": charge["amount"] - captured,
        "captured": True,
    }
    charge["balance_transaction"] = book_charge(work=work, charge=charge)["id"]
    work.save(charge, event="charge.captured", tells_difference=True)
    finish_payment(work=work, intent=intent, amount=captured)
    dispute_later(work=work, charge=charge)


def cancel_intent(*, work: Work, intent: Json, reason: str | None) -> None:
    """Cancel a payment intent; an authorisation that was not captured is released."""
    if intent["status"] not in _CANCELABLE:
        raise unexpected_state(
            intent=intent,
            message=f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a "
            f"PaymentIntent with one of the following statuses may be canceled: {', '.join(_CANCELABLE)}.",
        )
    if intent["status"] == "requires_capture":
        charge = work.get("charge", intent["latest_charge"], param="charge")
        charge |= {"amount_refunded": charge["amount"], "refunded": True}
        work.save(charge, event="charge.refunded", tells_difference=True)
    intent |= {
        "amount_capturable": 0,
        "canceled_at": work.created,
        "cancellation_reason": reason,
        "next_action": None,
        "status": "canceled",
    }
    work.save(intent, event="payment_intent.canceled")
