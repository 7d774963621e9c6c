"""Stripe's errors: what is raised, and the body that it becomes."""

from sandbox.json_types import Json

_DOCUMENTATION = "https://docs.stripe.com/error-codes/"


class ApiError(Exception):
    """A request that is answered with an error; nothing that it did is kept."""

    # Whether the changes made before it was raised are kept, together with the answer under the idempotency key.
    is_kept = False

    def __init__(
        self,
        *,
        status: int,
        error_type: str,
        message: str,
        code: str | None = None,
        param: str | None = None,
        details: Json | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.message = message
        self.code = code
        self.param = param
        self.details = details or {}

    def body(self) -> Json:
        """Return the error as Stripe writes it; absent fields are left out."""
        error: Json = {"message": self.message, "type": self.error_type}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = _DOCUMENTATION + self.code.replace("_", "-")
        if self.param is not None:
            error["param"] = self.param
        return {"error": {**error, **self.details}}


class CardError(ApiError):
    """A decline (402). What happened is kept: the failed charge, the intent's new status and their events."""

    is_kept = True

    def __init__(self, *, message: str, code: str, param: str | None = None, details: Json | None = None) -> None:
        super().__init__(status=402, error_type="card_error", message=message, code=code, param=param, details=details)


def invalid_request(
    *, message: str, param: str | None = None, code: str | None = None, status: int = 400, details: Json | None = None
) -> ApiError:
    """Return an `invalid_request_error`."""
    return ApiError(
        status=status, error_type="invalid_request_error", message=message, code=code, param=param, details=details
    )


def missing_parameter(*, param: str) -> ApiError:
    """Return the error for a required parameter that was not sent."""
    return invalid_request(message=f"Missing required param: {param}.", param=param, code="parameter_missing")


def no_such(*, noun: str, object_id: str, param: str) -> ApiError:
    """Return the error for an identifier that names nothing.

    Stripe answers 404 where the identifier is the address itself and for most references in parameters.
    """
    return invalid_request(message=f"No such {noun}: '{object_id}'", param=param, code="resource_missing", status=404)


def unknown_route(*, method: str, path: str) -> ApiError:
    """Return the error for an address that the API does not have."""
    return invalid_request(
        status=404,
        message=f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at "
        "https://support.stripe.com/.",
    )
