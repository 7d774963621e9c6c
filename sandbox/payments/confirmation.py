"""Confirming a payment intent: checks, then 3D Secure, a charge or a debit."""

from dataclasses import dataclass

from sandbox.hidden import hidden, without_hidden
from sandbox.json_types import Json
from sandbox.payments.authentication import ask_for_authentication, payment_needs_authentication
from sandbox.payments.charging import charge_card, decline_payment
from sandbox.payments.debits import start_debit
from sandbox.payments.methods import card_of, check_usable
from sandbox.wire.errors import ApiError, invalid_request
from sandbox.work import Work

_CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")

_RETURN_URL_NEEDED = (
    "This {noun} is configured to accept payment methods enabled in your Dashboard. Because some of these payment "
    "methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want to "
    "accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and "
    "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What the caller says about one confirmation."""

    is_off_session: bool = False
    return_url: str | None = None
    use_sdk: bool = False
    refuses_actions: bool = False


def confirm_intent(*, work: Work, intent: Json, confirmation: Confirmation) -> None:
    """Confirm a payment intent that is stored already.

    Raises CardError for a decline, after recording it, and ApiError when the intent cannot be confirmed.
    """
    method = _check_confirmable(work=work, intent=intent)
    check_return_url(intent=intent, return_url=confirmation.return_url, noun="PaymentIntent")
    hidden(intent)["off_session"] = confirmation.is_off_session
    if method["type"] == "sepa_debit":
        start_debit(work=work, intent=intent, method=method)
        return
    card = card_of(work=work, method=method)
    was_authenticated = hidden(intent).pop("authenticated_method", None) == method["id"]
    card_options = intent["payment_method_options"].get("card") or {}
    needs_action = not was_authenticated and payment_needs_authentication(
        card=card,
        method=method,
        is_off_session=confirmation.is_off_session,
        is_requested=card_options.get("request_three_d_secure") in ("any", "challenge"),
    )
    error: ApiError | None = None
    if not needs_action:
        error = charge_card(work=work, intent=intent, method=method, is_authenticated=was_authenticated)
    elif confirmation.is_off_session or confirmation.refuses_actions:
        decline = work.cards.declines["authentication_required"]
        error = decline_payment(work=work, intent=intent, method=method, decline=decline, card=card)
    else:
        ask_for_authentication(
            work=work, intent=intent, return_url=confirmation.return_url, use_sdk=confirmation.use_sdk
        )
    if error is not None:
        raise error


def check_return_url(*, intent: Json, return_url: str | None, noun: str) -> None:
    """Raise ApiError when automatic payment methods may redirect and there is nowhere to return to."""
    automatic = intent["automatic_payment_methods"]
    if automatic and automatic["enabled"] and automatic["allow_redirects"] != "never" and return_url is None:
        raise invalid_request(message=_RETURN_URL_NEEDED.format(noun=noun))


def check_method_type(*, intent: Json, method: Json, noun: str) -> None:
    """Raise ApiError when the intent does not take payment methods of this type."""
    allowed = intent["payment_method_types"]
    if method["type"] not in allowed:
        raise invalid_request(
            message=f"The PaymentMethod provided ({method['type']}) is not allowed for this {noun}. Please attach a "
            f"payment method of one of the following types: {', '.join(allowed)}.",
            param="payment_method",
        )


def unexpected_state(*, intent: Json, message: str) -> ApiError:
    """Return the error for an intent whose status does not allow what was asked; it carries the intent."""
    return invalid_request(
        message=message,
        code=f"{intent['object']}_unexpected_state",
        details={intent["object"]: without_hidden(intent)},
    )


def _check_confirmable(*, work: Work, intent: Json) -> Json:
    status = intent["status"]
    if status == "succeeded":
        raise unexpected_state(
            intent=intent,
            message="You cannot confirm this PaymentIntent because it has already succeeded after being previously "
            "confirmed.",
        )
    if status not in _CONFIRMABLE:
        raise unexpected_state(
            intent=intent,
            message=f"This PaymentIntent could not be confirmed because it has a status of {status}. Only a "
            f"PaymentIntent with one of the following statuses may be confirmed: {', '.join(_CONFIRMABLE)}.",
        )
    if intent["payment_method"] is None:
        raise unexpected_state(
            intent=intent,
            message="You cannot confirm this PaymentIntent because it's missing a payment method. You can either "
            "update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly "
            "with a payment method or ConfirmationToken.",
        )
    method = work.get("payment_method", intent["payment_method"], param="payment_method")
    check_usable(method=method, customer=intent["customer"], noun="PaymentIntent")
    check_method_type(intent=intent, method=method, noun="PaymentIntent")
    return method
