"""Rule: how a decline reads, in an error and in an intent's last error."""

from sandbox.cards import Decline
from sandbox.hidden import without_hidden
from sandbox.json_types import Json
from sandbox.wire.errors import CardError


def decline_fields(decline: Decline, /, *, charge: str | None = None) -> Json:
    """Return the fields that a decline adds to an error; those that are not known are left out."""
    fields = {
        "advice_code": decline.advice_code,
        "charge": charge,
        "decline_code": decline.name,
        "network_decline_code": decline.network_decline_code,
    }
    return {name: value for name, value in fields.items() if value is not None}


def card_error(*, decline: Decline, method: Json, charge: str | None = None) -> CardError:
    """Return the error of a payment or a setup that was declined; the intent is put into it by `with_intent`."""
    details = {**decline_fields(decline, charge=charge), "payment_method": without_hidden(method)}
    return CardError(message=decline.message, code=decline.code, param=decline.param, details=details)


def last_error(error: CardError, /) -> Json:
    """Return an error as an intent keeps it."""
    fields: Json = error.body()["error"]
    return fields


def with_intent(error: CardError, /, *, intent: Json) -> CardError:
    """Put the intent, as it stands after the decline, into the error."""
    error.details[intent["object"]] = without_hidden(intent)
    return error
