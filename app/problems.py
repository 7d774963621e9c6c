"""Every failure as an RFC 9457 problem; never a stack trace, never HTML, and never the input that was at fault."""

from typing import Any

import structlog
import werkzeug.exceptions
from flask import Flask, Response, g, json, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from app.json_pointer import json_pointer
from app.request_body import BodyTooLarge
from billing.errors import (
    BadRequest,
    BillingError,
    FieldFault,
    Invalid,
    NotFound,
    Unauthorized,
    as_problem,
)

MEDIA_TYPE = "application/problem+json"
_FAULTS_MAX = 50
_KEY_MARK = "[key]"
log = structlog.get_logger(__name__)


class RequestInvalid(Invalid):
    """The request does not fit its schema; `errors` points at each part that does not."""


class RouteNotFound(NotFound):
    """There is no such path, or no such object for this caller."""


class MethodNotAllowed(BillingError):
    """The path does not take this method; `Allow` says which it takes."""

    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"


class RequestCrashed(BillingError):
    """This should not have happened. The log has it under the `request_id`."""


def problem_response(problem: dict[str, Any], *, headers: dict[str, str] | None = None) -> Response:
    """Return the problem as a response, with the request's id and path in it."""
    body = {**problem, "instance": request.path, "request_id": g.get("request_id")}
    return Response(json.dumps(body), status=problem["status"], headers=headers, content_type=MEDIA_TYPE)


def error_response(error: BillingError, *, headers: dict[str, str] | None = None) -> Response:
    """Return the problem of one of our own errors, with the headers that its kind calls for."""
    headers = dict(headers or {})
    retry_after = getattr(error, "retry_after_seconds", None)
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = 'Bearer realm="billing"'
    return problem_response(as_problem(error), headers=headers)


def request_invalid(error: ValidationError) -> RequestInvalid:
    """Return the 422 of a request that does not fit its schema, with a pointer to each part at fault."""
    faults = [
        _field_fault(fault) for fault in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    return RequestInvalid(f"{len(faults)} part(s) of the request are invalid", errors=faults[:_FAULTS_MAX])


def validation_response(error: ValidationError) -> Response:
    """Return the answer to a request that does not fit its schema."""
    return error_response(request_invalid(error))


def register_error_handlers(app: Flask) -> None:
    """Turn every exception of a request into a problem."""
    app.register_error_handler(BillingError, _on_billing_error)
    app.register_error_handler(HTTPException, _on_http_exception)
    app.register_error_handler(Exception, _on_surprise)


def _on_billing_error(error: BillingError) -> Response:
    if error.status >= 500:
        log.warning("request.failed", code=error.code, detail=error.detail)
    return error_response(error)


def _on_http_exception(error: HTTPException) -> Response:
    if isinstance(error.response, Response):
        return error.response
    match error:
        case werkzeug.exceptions.NotFound():
            return error_response(RouteNotFound("there is no such path"))
        case werkzeug.exceptions.RequestEntityTooLarge():
            return error_response(BodyTooLarge())
        case werkzeug.exceptions.MethodNotAllowed():
            allowed = ", ".join(sorted(error.valid_methods or ()))
            refused = MethodNotAllowed(f"this path takes {allowed}")
            return error_response(refused, headers={"Allow": allowed})
        case _ if (error.code or 500) < 500:
            return error_response(BadRequest(error.description or error.name))
        case _:
            return _on_surprise(error)


def _on_surprise(error: Exception) -> Response:
    log.error("request.crashed", exc_info=error)
    return error_response(RequestCrashed("this should not have happened; the log has it under the request_id"))


def _field_fault(fault: Any) -> FieldFault:
    # pydantic marks a fault in a dictionary's key with a part of its own, which is no place in the request.
    pointer = json_pointer(part for part in fault["loc"] if part != _KEY_MARK)
    code = {"extra_forbidden": "unknown_field"}.get(fault["type"], fault["type"])
    return FieldFault(pointer, code, str(fault["msg"]).removeprefix("Value error, "))
