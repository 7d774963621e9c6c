"""What every route says of itself in the OpenAPI document."""

from flask_openapi.types import ResponseDict
from pydantic import BaseModel

from app.problems import MEDIA_TYPE

_PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_ALWAYS = (400, 401, 403, 404, 405, 413, 415, 422, 429, 500, 503)
_TITLES = {
    400: "What cannot be parsed, or lacks what must be there",
    401: "No key, or one that is not in force",
    402: "The payment method was declined, or the plan does not allow that much",
    403: "The key lacks the scope",
    404: "There is no such object for this caller",
    405: "The route does not take this method",
    409: "The object's state does not allow it",
    413: "The body is larger than 1 MiB",
    415: "The body is not JSON",
    422: "The request can be parsed and is invalid",
    429: "The rate limit is used up",
    500: "This should not have happened",
    503: "A part does not answer; try again later",
}
BEARER: list[dict[str, list[str]]] = [{"bearer": []}]


def problems(*statuses: int) -> ResponseDict:
    """Return the documentation of the problems that any route may answer, and of `statuses` beside them."""
    return {status: {"description": _TITLES[status], "content": _PROBLEM} for status in sorted({*_ALWAYS, *statuses})}


def answers(body: type[BaseModel], *, status: int = 200, extra: tuple[int, ...] = ()) -> ResponseDict:
    """Return the documentation of a route that answers at once."""
    return {status: body, **problems(*extra)}


def slow_answers(outcome: type[BaseModel], pending: type[BaseModel], *, status: int) -> ResponseDict:
    """Return the documentation of slow work: 202, or the outcome when the caller waits or repeats the request."""
    return {202: pending, status: outcome, **problems(402, 409)}
