"""Setting a payment method up for later payments: confirming a setup intent, and how that ends."""

from sandbox.cards import Decline
from sandbox.hidden import hidden
from sandbox.json_types import Json
from sandbox.objects.intents import new_setup_attempt
from sandbox.payments.authentication import ask_for_authentication, setup_needs_authentication
from sandbox.payments.confirmation import check_method_type, check_return_url, unexpected_state
from sandbox.payments.declines import card_error, last_error, with_intent
from sandbox.payments.methods import card_of, check_usable, note_use
from sandbox.wire.errors import CardError
from sandbox.work import Work

_CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
_CANCELABLE = _CONFIRMABLE


def confirm_setup(*, work: Work, intent: Json, return_url: str | None, use_sdk: bool) -> None:
    """Confirm a setup intent that is stored already. Raises CardError for a decline, after recording it."""
    if intent["status"] not in _CONFIRMABLE or intent["payment_method"] is None:
        raise unexpected_state(
            intent=intent,
            message=f"You cannot confirm this SetupIntent because it has a status of {intent['status']}."
            if intent["payment_method"] is not None
            else "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent "
            "with a payment method and then confirm it again.",
        )
    method = work.get("payment_method", intent["payment_method"], param="payment_method")
    check_usable(method=method, customer=intent["customer"], noun="SetupIntent")
    check_method_type(intent=intent, method=method, noun="SetupIntent")
    check_return_url(intent=intent, return_url=return_url, noun="SetupIntent")
    if method["type"] == "card":
        card_options = intent["payment_method_options"].get("card") or {}
        is_requested = card_options.get("request_three_d_secure") in ("any", "challenge")
        card = card_of(work=work, method=method)
        if setup_needs_authentication(card=card, is_requested=is_requested):
            ask_for_authentication(work=work, intent=intent, return_url=return_url, use_sdk=use_sdk)
            return
    error = finish_setup(work=work, intent=intent, method=method)
    if error is not None:
        raise error


def finish_setup(*, work: Work, intent: Json, method: Json) -> CardError | None:
    """End a setup that needs no more from the customer. Return the decline, already recorded, or None."""
    if method["type"] == "card":
        card = card_of(work=work, method=method)
        if card.decline is not None and not card.can_be_saved:
            return _decline_setup(work, intent=intent, method=method, decline=work.cards.declines[card.decline])
        method["card"]["checks"]["cvc_check"] = "pass"
    note_use(work=work, method=method, customer=intent["customer"], future_usage=intent["usage"])
    intent |= {"last_setup_error": None, "next_action": None, "status": "succeeded"}
    hidden(intent).pop("return_url", None)
    _record_attempt(work, intent=intent, status="succeeded", error=None)
    work.save(intent, event="setup_intent.succeeded")
    return None


def fail_setup(*, work: Work, intent: Json, error: Json) -> None:
    """Let a setup intent wait for another payment method after a failed attempt."""
    _record_attempt(work, intent=intent, status="failed", error=error)
    intent |= {
        "last_setup_error": error,
        "next_action": None,
        "payment_method": None,
        "status": "requires_payment_method",
    }
    work.save(intent, event="setup_intent.setup_failed")


def cancel_setup(*, work: Work, intent: Json, reason: str | None) -> None:
    """Cancel a setup intent that has not ended."""
    if intent["status"] not in _CANCELABLE:
        raise unexpected_state(
            intent=intent,
            message=f"You cannot cancel this SetupIntent because it has a status of {intent['status']}. Only a "
            f"SetupIntent with one of the following statuses may be canceled: {', '.join(_CANCELABLE)}.",
        )
    intent |= {"cancellation_reason": reason, "next_action": None, "status": "canceled"}
    work.save(intent, event="setup_intent.canceled")


def _decline_setup(work: Work, *, intent: Json, method: Json, decline: Decline) -> CardError:
    error = card_error(decline=decline, method=method)
    fail_setup(work=work, intent=intent, error=last_error(error))
    return with_intent(error, intent=intent)


def _record_attempt(work: Work, *, intent: Json, status: str, error: Json | None) -> None:
    attempt = work.add(new_setup_attempt(intent=intent, status=status, error=error, created=work.created))
    intent["latest_attempt"] = attempt["id"]
