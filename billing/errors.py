"""The kinds of failure. A concrete error lives beside what raises it and is named as a statement.

An error carries a stable `code` for machines and a `detail` for people: what happened, which value, what to do.
`errors` points at the parts of a request that are at fault, as (JSON pointer, code, detail).
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple


class FieldFault(NamedTuple):
    """One part of a request that is at fault; `pointer` is a JSON pointer (RFC 6901)."""

    pointer: str
    code: str
    detail: str


class BillingError(Exception):
    """Base of every failure that a caller is told about."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Internal error"

    def __init__(
        self, detail: str, *, errors: Sequence[FieldFault] = (), extensions: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.extensions = dict(extensions or {})


class BadRequest(BillingError):
    """The request cannot be parsed, or lacks what must be there before it is looked at."""

    status = 400
    code = "bad_request"
    title = "Bad request"


class Unauthorized(BillingError):
    """Who asks is not known."""

    status = 401
    code = "unauthorized"
    title = "Unauthorized"


class Declined(BillingError):
    """The payment method was declined."""

    status = 402
    code = "payment_declined"
    title = "Payment declined"


class Forbidden(BillingError):
    """Who asks is known and may not do this."""

    status = 403
    code = "forbidden"
    title = "Forbidden"


class NotFound(BillingError):
    """There is no such object for this caller."""

    status = 404
    code = "not_found"
    title = "Not found"


class Conflict(BillingError):
    """The object's state does not allow it."""

    status = 409
    code = "conflict"
    title = "Conflict"


class Invalid(BillingError):
    """The request can be parsed and is invalid."""

    status = 422
    code = "invalid_request"
    title = "Invalid request"


class TooManyRequests(BillingError):
    """A rate limit is used up; `retry_after_seconds` says when to come back."""

    status = 429
    code = "rate_limited"
    title = "Too many requests"

    def __init__(self, detail: str, *, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(BillingError):
    """A part that we need does not answer; the same request later may succeed. The only kind that tasks retry."""

    status = 503
    code = "unavailable"
    title = "Temporarily unavailable"

    def __init__(self, detail: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class InvariantBroken(BillingError):
    """What must always hold does not; the account is parked and somebody is alerted."""

    code = "invariant_broken"
    title = "Invariant broken"


def as_problem(error: BillingError) -> dict[str, object]:
    """Return the members of an RFC 9457 problem; the edge adds `instance` and `request_id`."""
    problem: dict[str, object] = {
        "type": f"/docs/errors#{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
    }
    if error.errors:
        problem["errors"] = [fault._asdict() for fault in error.errors]
    return problem | error.extensions
