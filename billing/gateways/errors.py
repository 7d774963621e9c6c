"""How a call to the payment gateway fails, in our words."""

from datetime import datetime, timedelta

from billing.errors import Invalid, InvariantBroken, Unavailable


class GatewayUnavailable(Unavailable):
    """The gateway did not answer, or its answer was lost: the outcome is unknown until somebody asks again."""

    code = "gateway_unavailable"


class GatewayRefused(Invalid):
    """The gateway refused the request itself (not the card): repeating it would be refused again.

    `parameter` is the gateway's name of the part at fault, where it said so.
    """

    code = "gateway_refused"

    def __init__(self, detail: str, *, gateway_code: str | None, parameter: str | None) -> None:
        super().__init__(detail, extensions={"gateway_code": gateway_code} if gateway_code else None)
        self.gateway_code = gateway_code
        self.parameter = parameter


class GatewayObjectMissing(GatewayRefused):
    """The gateway does not have the object that was named."""

    code = "gateway_object_missing"


class GatewayAnswerNotUnderstood(InvariantBroken):
    """The gateway answered with something that is not what it documents."""

    code = "gateway_answer_not_understood"


class GatewayCalledInTransaction(InvariantBroken):
    """A network call was about to be made while a database transaction was open."""

    code = "gateway_called_in_transaction"


class GatewayKeyReused(InvariantBroken):
    """An idempotency key came back with other parameters: a row changed between the call and its repetition."""

    code = "gateway_key_reused"


# Stripe forgets a key after 24 h at the earliest; a repetition later than that would be done a second time.
KEY_LIFETIME = timedelta(hours=23)


class GatewayKeyTooOld(InvariantBroken):
    """The first call is so long ago that the gateway may have forgotten its key: a person has to look what came of it."""

    code = "gateway_key_too_old"


def require_key_in_force(*, first_used_at: datetime, now: datetime) -> None:
    """Raise GatewayKeyTooOld when a call under a key that was first used at `first_used_at` must not be repeated."""
    if now - first_used_at > KEY_LIFETIME:
        raise GatewayKeyTooOld(f"the call was first made at {first_used_at:%Y-%m-%d %H:%M} and may not be repeated")
