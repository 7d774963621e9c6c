"""The end of 3D Secure: the customer has completed or failed it, and the intent goes on."""

from sandbox.hidden import hidden, without_hidden
from sandbox.json_types import Json
from sandbox.payments.charging import charge_card, fail_intent
from sandbox.payments.setup import fail_setup, finish_setup
from sandbox.wire.errors import ApiError, invalid_request
from sandbox.work import Work

_PAYMENT_FAILURE_CODE = "payment_intent_authentication_failure"
_PAYMENT_FAILURE = (
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod "
    "to attempt to fulfill this PaymentIntent again."
)
_SETUP_FAILURE_CODE = "setup_intent_authentication_failure"
_SETUP_FAILURE = "The latest attempt to set up the payment method has failed because authentication failed."


def find_challenge(*, work: Work, intent_id: str) -> Json | None:
    """Return the payment intent or setup intent of this identifier."""
    return work.find("payment_intent", intent_id) or work.find("setup_intent", intent_id)


def end_challenge(*, work: Work, intent: Json, is_passed: bool) -> None:
    """Let an intent that waits for 3D Secure go on, or fail.

    A decline that follows is recorded on the intent. Raises ApiError (400) when the intent does not wait for it.
    """
    if intent["status"] != "requires_action":
        raise invalid_request(
            message=f"{intent['id']} does not wait for 3D Secure; its status is {intent['status']}.",
            code=f"{intent['object']}_unexpected_state",
        )
    method = work.get("payment_method", intent["payment_method"], param="payment_method")
    is_payment = intent["object"] == "payment_intent"
    if not is_passed:
        code = _PAYMENT_FAILURE_CODE if is_payment else _SETUP_FAILURE_CODE
        message = _PAYMENT_FAILURE if is_payment else _SETUP_FAILURE
        failure = invalid_request(message=message, code=code, details={"payment_method": without_hidden(method)})
        _fail(work, intent=intent, error=failure)
    elif not is_payment:
        finish_setup(work=work, intent=intent, method=method)
    elif intent["confirmation_method"] == "manual":
        # The server confirms once more; that confirmation finds the card authenticated.
        hidden(intent)["authenticated_method"] = method["id"]
        intent |= {"next_action": None, "status": "requires_confirmation"}
        work.save(intent)
    else:
        charge_card(work=work, intent=intent, method=method, is_authenticated=True)


def _fail(work: Work, *, intent: Json, error: ApiError) -> None:
    fields: Json = error.body()["error"]
    if intent["object"] == "payment_intent":
        fail_intent(work=work, intent=intent, error=fields, charge=None)
    else:
        fail_setup(work=work, intent=intent, error=fields)
