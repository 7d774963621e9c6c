"""How a call to the payment gateway fails, in our words."""

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
