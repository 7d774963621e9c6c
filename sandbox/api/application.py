"""The API as a whole: from a request under /v1 to its answer.

Everything that a request changes, its events and the answer kept under its idempotency key commit together.
"""

import asyncio
import hashlib
import json
import re
from urllib.parse import unquote

from sandbox.api import (
    balance,
    catalog,
    charges,
    customers,
    disputes,
    events,
    payment_intents,
    payment_methods,
    refunds,
    setup_intents,
    subscriptions,
    webhook_endpoints,
)
from sandbox.api.authentication import Keys, secret_key_required
from sandbox.api.expansion import expand
from sandbox.api.routing import Call, RouteTable
from sandbox.control.faults import Fault, FaultKind, Faults
from sandbox.events.record import API_VERSION, Cause
from sandbox.hidden import without_hidden
from sandbox.identifiers import new_id
from sandbox.json_types import Json
from sandbox.state.idempotency import KeptAnswer, find_answer, keep_answer
from sandbox.wire.errors import ApiError, CardError, invalid_request, unknown_route
from sandbox.wire.forms import decode_form
from sandbox.wire.messages import Request, Response, encode_json, json_response
from sandbox.work import Work
from sandbox.workbench import Workbench

_IDEMPOTENCY_KEY_LENGTH_LIMIT = 255
_HOST = re.compile(r"[A-Za-z0-9.\-]+(:[0-9]{1,5})?|\[[0-9a-f:]+\](:[0-9]{1,5})?")

# Browsers of any origin may call the API, as at Stripe: what they can do rests on the key.
_BROWSER_ACCESS = {
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "GET, HEAD, PUT, PATCH, POST, DELETE",
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "Request-Id, Stripe-Manage-Version, Stripe-Should-Retry",
    "access-control-max-age": "300",
    "cache-control": "no-cache, no-store",
}

_ROUTES = RouteTable(
    route
    for module in (
        customers,
        payment_methods,
        setup_intents,
        payment_intents,
        charges,
        refunds,
        disputes,
        balance,
        events,
        webhook_endpoints,
        catalog,
        subscriptions,
    )
    for route in module.ROUTES
)


class Api:
    """Answers requests under /v1."""

    def __init__(self, *, workbench: Workbench, keys: Keys, faults: Faults) -> None:
        self._workbench = workbench
        self._keys = keys
        self._faults = faults
        self._running_keys: set[str] = set()

    async def answer(self, request: Request) -> Response:
        """Return the answer to a request, disturbed by a fault where one is in force."""
        if request.method == "OPTIONS":
            allowed = request.headers.get("access-control-request-headers", "")
            return Response(200, b"", {**_BROWSER_ACCESS, "access-control-allow-headers": allowed})
        try:
            is_publishable = self._keys.is_publishable(request.headers)
        except ApiError as error:
            headers = {**_BROWSER_ACCESS, "www-authenticate": 'Bearer realm="Stripe"'}
            return json_response(status=error.status, value=error.body(), headers=headers)
        request_id = new_id(prefix="req")
        fault = self._faults.take(method=request.method, path=request.path)
        if fault is not None and fault.kind is FaultKind.RESET:
            return Response(0, b"", drop=True)
        if fault is not None and fault.kind is FaultKind.STATUS:
            return _finished(_faulty(fault), request=request, request_id=request_id)
        answer = await self._answer_once(request, request_id, is_publishable=is_publishable, fault=fault)
        if fault is not None and fault.kind is FaultKind.LOST_ANSWER:
            await asyncio.sleep(fault.seconds)
            return Response(0, b"", drop=True)
        return _finished(answer, request=request, request_id=request_id)

    async def _answer_once(
        self, request: Request, request_id: str, *, is_publishable: bool, fault: Fault | None
    ) -> Response:
        """Answer, unless a request with the same idempotency key is being answered right now."""
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        if key in self._running_keys:
            return _refused(
                invalid_request(
                    status=409,
                    message="There is currently another in-progress request using this Idempotent Key (that probably "
                    f"means you submitted twice, and the other request is still going through): {key}. Please try "
                    "again later.",
                    code="idempotency_key_in_use",
                )
            )
        if key is not None:
            self._running_keys.add(key)
        try:
            if fault is not None and fault.kind is FaultKind.LATENCY:
                await asyncio.sleep(fault.seconds)
            base_url = f"http://{request.host}" if _HOST.fullmatch(request.host) else None
            cause = Cause(request_id=request_id, idempotency_key=key)
            with self._workbench.work(cause=cause, base_url=base_url) as work:
                return _perform(work, request=request, is_publishable=is_publishable)
        except ApiError as error:
            return _refused(error)
        finally:
            if key is not None:
                self._running_keys.discard(key)


def _perform(work: Work, *, request: Request, is_publishable: bool) -> Response:
    """Do what a request asks, or repeat the answer that is kept under its key. Raises ApiError to keep nothing."""
    found = _ROUTES.find(method=request.method, path=unquote(request.path))
    if found is None:
        raise unknown_route(method=request.method, path=request.path)
    route, fields, ids = found
    if is_publishable and not route.publishable:
        raise secret_key_required()
    given = _parameters(request)
    key = work.cause.idempotency_key
    fingerprint = ""
    if key is not None:
        fingerprint = hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()
        kept = _kept_answer(work, key=key, path=request.path, fingerprint=fingerprint)
        if kept is not None:
            headers = {"original-request": kept.request_id, "idempotent-replayed": "true"}
            return Response(kept.status, kept.body, headers)
    params = fields.read(given, name="") or {}
    try:
        body = route.handler(Call(work, params, ids, is_publishable))
        status, answer = 200, expand(work=work, body=without_hidden(body), paths=params.get("expand", []))
    except CardError as error:
        status, answer = error.status, error.body()
    encoded = encode_json(answer)
    request_id = work.cause.request_id or ""
    if key is None:
        return Response(status, encoded)
    keep_answer(
        transaction=work.transaction,
        key=key,
        answer=KeptAnswer(request.path, fingerprint, request_id, status, encoded),
        now=work.now,
    )
    return Response(status, encoded, {"original-request": request_id})


def _kept_answer(work: Work, *, key: str, path: str, fingerprint: str) -> KeptAnswer | None:
    """Return the answer kept under a key. Raises ApiError when the key was used for something else."""
    if not 0 < len(key) <= _IDEMPOTENCY_KEY_LENGTH_LIMIT:
        raise invalid_request(
            message=f"Idempotency keys must be at most {_IDEMPOTENCY_KEY_LENGTH_LIMIT} characters and not empty."
        )
    kept = find_answer(transaction=work.transaction, key=key, now=work.now)
    if kept is None or (kept.path, kept.fingerprint) == (path, fingerprint):
        return kept
    reason = (
        "with the same parameters they were first used with"
        if kept.path == path
        else f"for the same endpoint they were first used for ('{path}' vs '{kept.path}')"
    )
    raise ApiError(
        status=400,
        error_type="idempotency_error",
        message=f"Keys for idempotent requests can only be used {reason}. Try using a key other than '{key}' if you "
        "meant to execute a different request.",
    )


def _parameters(request: Request) -> Json:
    try:
        encoded = request.body.decode("ascii") if request.method == "POST" else ""
    except UnicodeDecodeError:
        raise invalid_request(message="Invalid request body: it is not form-encoded ASCII.") from None
    return decode_form("&".join(part for part in (request.query, encoded) if part))


def _faulty(fault: Fault) -> Response:
    if fault.status == 429:
        return _refused(
            invalid_request(
                status=429,
                message="Request rate limit exceeded. Learn more about rate limits here "
                "https://stripe.com/docs/rate-limits.",
                code="rate_limit",
            )
        )
    error_type = "api_error" if fault.status >= 500 else "invalid_request_error"
    message = f"An error ({fault.status}) that the sandbox was told to answer with."
    return _refused(ApiError(status=fault.status, error_type=error_type, message=message))


def _refused(error: ApiError) -> Response:
    return Response(error.status, encode_json(error.body()))


def _finished(response: Response, *, request: Request, request_id: str) -> Response:
    """Return the answer with the headers that every one carries."""
    headers = {
        **_BROWSER_ACCESS,
        "content-type": "application/json",
        "request-id": request_id,
        "stripe-version": request.headers.get("stripe-version", API_VERSION),
        **response.headers,
    }
    if request.method == "POST" and "idempotency-key" in request.headers:
        headers["idempotency-key"] = request.headers["idempotency-key"]
    return Response(response.status, response.body, headers)
