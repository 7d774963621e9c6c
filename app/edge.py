"""The edge around every view: who may call it, one transaction, the idempotency key, the answer, and waiting for outcomes.

A view that needs no transaction around it (`direct`) gets none: credits keep their own idempotency keys, and answer from Redis.

The commit happens here, around the view and before the answer is made: a conflict in the commit becomes a 409, not a 200.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import wraps
from typing import Any
from uuid import UUID

import structlog
from flask import Response, current_app, g, request
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.authentication import Caller, RecentKeys
from app.problems import problem_response
from app.rate_limits import RateLimiter
from app.request_body import JSON_OBJECT, BodyForm
from app.waiting import OperationWaiter, preferred_wait
from billing import idempotency, operations
from billing.actor import Actor
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.errors import Conflict, Forbidden
from billing.fail_points import fail_point
from billing.group_commit import GroupCommit
from billing.runtime import Runtime
from billing.settings import Settings
from billing.webhooks.receive import Received
from models.ids import public_id
from models.operation import Operation

CSV = "text/csv"
_KEY_LENGTH_MAX = 255
log = structlog.get_logger(__name__)


class Idempotency(Enum):
    """What a route does with the Idempotency-Key header."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, kw_only=True)
class Access:
    """What the edge knows of a route before it looks at the request's content."""

    scope: str
    idempotency: Idempotency
    offers_csv: bool = False
    body: BodyForm = JSON_OBJECT
    # Whether a key that was looked up a moment ago is taken without asking again.
    takes_recent_keys: bool = False


@dataclass(frozen=True, kw_only=True)
class Services:
    """What the web process holds beside the runtime."""

    runtime: Runtime
    limiter: RateLimiter
    waiter: OperationWaiter
    intake: GroupCommit[Received, bool]
    recent_keys: RecentKeys = field(default_factory=RecentKeys)


class NotForCustomers(Forbidden):
    """A customer's token reaches that customer's own objects, and cannot do this."""

    code = "not_for_customers"


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a view gets: the open transaction, who calls, and when it is."""

    session: Session
    caller: Caller
    actor: Actor
    now: datetime
    settings: Settings
    limiter: RateLimiter

    @property
    def own(self) -> UUID | None:
        """The customer to whose objects the caller is limited, if any."""
        return self.caller.customer_id

    def require_key(self) -> None:
        """Raise NotForCustomers for a customer's token, whatever its scopes."""
        if self.own is not None:
            raise NotForCustomers("a customer's token cannot do this; it takes an API key")

    def limit_payments(self, customer_id: UUID) -> None:
        """Count one payment request of this customer by this caller. Raises TooManyRequests."""
        self.limiter.take(self.limiter.payments, self.caller.name, customer_id.hex)


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a view without a transaction gets: the process's parts, who calls, when it is, and what the request looks like."""

    runtime: Runtime
    caller: Caller
    actor: Actor
    now: datetime
    key: str | None
    digest: bytes

    @property
    def own(self) -> UUID | None:
        """The customer to whose objects the caller is limited, if any."""
        return self.caller.customer_id


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a view answers; with an operation, the body gets `operation` and the caller may wait for its outcome.

    `csv` is answered instead of the body, where the caller asked for it. `shown_once` are fields of the body (a new secret) that
    are never stored: a replay gives them as the body has them.
    """

    status: int = 200
    body: dict[str, Any] = field(default_factory=dict)
    csv: str | None = None
    shown_once: dict[str, Any] = field(default_factory=dict)
    operation: Operation | None = None
    headers: dict[str, str] = field(default_factory=dict)
    replayed: bool = False


class ConflictingWrite(Conflict):
    """Another request changed the same thing at the same moment."""

    code = "conflicting_write"


View = Callable[..., Answer]


def services() -> Services:
    """Return the services of the running app."""
    held: Services = current_app.extensions["billing"]
    return held


def endpoint(
    *,
    scope: str,
    idempotency: Idempotency = Idempotency.NONE,
    offers_csv: bool = False,
    body: BodyForm = JSON_OBJECT,
) -> Callable[[View], Callable[..., Response]]:
    """Wrap `view(context, **validated parts) -> Answer`; `scope` is what the caller needs."""

    def decorate(view: View) -> Callable[..., Response]:
        @wraps(view)
        def wrapped(**parts: Any) -> Response:
            return _answer(view, parts)

        # Read in before_request, so that who may not call learns nothing of what the request should look like.
        access = Access(scope=scope, idempotency=idempotency, offers_csv=offers_csv, body=body)
        wrapped.access = access  # type: ignore[attr-defined]  # functions take attributes
        return wrapped

    return decorate


def direct(*, scope: str, idempotency: Idempotency = Idempotency.NONE) -> Callable[[View], Callable[..., Response]]:
    """Wrap `view(call, **validated parts) -> Answer`, for a process that opens its own transactions and keeps its own keys."""

    def decorate(view: View) -> Callable[..., Response]:
        @wraps(view)
        def wrapped(**parts: Any) -> Response:
            _bind_customer(parts, g.caller)
            call = Call(
                runtime=services().runtime,
                caller=g.caller,
                actor=g.caller.actor(g.request_id),
                now=g.now,
                key=request.headers.get("Idempotency-Key"),
                digest=_digest(),
            )
            return _respond(view(call, **parts), held=services())

        wrapped.access = Access(scope=scope, idempotency=idempotency, takes_recent_keys=True)  # type: ignore[attr-defined]  # functions take attributes
        return wrapped

    return decorate


def access_of(view: object) -> Access | None:
    """Return what `endpoint` noted of a view; None for one that is open to all."""
    noted: Access | None = getattr(view, "access", None)
    return noted


def require_idempotency_key(access: Access) -> None:
    """Check the Idempotency-Key header's form, and its presence where the route requires it."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        if access.idempotency is Idempotency.REQUIRED:
            raise idempotency.IdempotencyKeyRequired(
                "send an Idempotency-Key: a value of your own for each wish to pay"
            )
        return
    if not 0 < len(key) <= _KEY_LENGTH_MAX or not key.isascii() or not key.isprintable():
        raise idempotency.IdempotencyKeyMalformed(
            f"an Idempotency-Key is 1 to {_KEY_LENGTH_MAX} printable ASCII characters"
        )


def _answer(view: View, parts: dict[str, Any]) -> Response:
    held, caller = services(), g.caller
    key = request.headers.get("Idempotency-Key") if g.access.idempotency is not Idempotency.NONE else None
    try:
        with held.runtime.transaction() as session:
            answer = _stored(session, caller=caller, key=key) if key is not None else None
            if answer is None:
                fail_point("idempotency.key_locked")
                answer = _fresh(view, parts, session=session, caller=caller, held=held, key=key)
                fail_point("request.before_commit")
    except IntegrityError as error:
        log.warning("request.conflict", constraint=getattr(getattr(error.orig, "diag", None), "constraint_name", None))
        raise ConflictingWrite("another request changed the same thing at this moment; try again") from None
    fail_point("request.after_commit")
    return _respond(answer, held=held)


def _fresh(
    view: View, parts: dict[str, Any], *, session: Session, caller: Caller, held: Services, key: str | None
) -> Answer:
    context = Context(
        session=session,
        caller=caller,
        actor=caller.actor(g.request_id),
        now=g.now,
        settings=held.runtime.settings,
        limiter=held.limiter,
    )
    _bind_customer(parts, caller)
    answer = view(context, **parts)
    if answer.operation is not None:
        answer = _accepted(answer, answer.operation)
    if key is not None:
        idempotency.keep(
            session,
            caller=caller.name,
            key=key,
            digest=_digest(),
            status=answer.status,
            body=answer.body,
            operation_id=answer.operation.id if answer.operation is not None else None,
            now=g.now,
        )
        fail_point("idempotency.answer_kept")
    return answer


def _bind_customer(parts: dict[str, Any], caller: Caller) -> None:
    """Name the customer on every log line of the request, where the request names one."""
    named = [getattr(part, "customer_id", None) for part in parts.values()]
    customer = next((name for name in named if name is not None), None)
    if customer is None and caller.customer_id is not None:
        customer = caller.name
    if customer is not None:
        structlog.contextvars.bind_contextvars(customer_id=customer)


def _stored(session: Session, *, caller: Caller, key: str) -> Answer | None:
    stored = idempotency.begin(session, caller=caller.name, key=key, digest=_digest(), now=g.now)
    if stored is None:
        return None
    operation = session.get(Operation, stored.operation_id) if stored.operation_id is not None else None
    answer = Answer(status=stored.response_status, body=stored.response_body, operation=operation, replayed=True)
    return _accepted(answer, operation) if operation is not None else answer


def _accepted(answer: Answer, operation: Operation) -> Answer:
    public = public_id(operations.PREFIX, operation.id)
    structlog.contextvars.bind_contextvars(operation_id=str(operation.id))
    if operation.customer_id is not None:
        structlog.contextvars.bind_contextvars(customer_id=public_id(CUSTOMER_PREFIX, operation.customer_id))
    return Answer(
        status=202,
        body={**answer.body, "operation": {"id": public, "status": str(operation.status)}},
        operation=operation,
        headers={**answer.headers, "Location": f"/operations/{public}"},
        replayed=answer.replayed,
    )


def _respond(answer: Answer, *, held: Services) -> Response:
    headers = dict(answer.headers)
    if g.access.offers_csv:
        headers["Vary"] = "Accept"
    if answer.csv is not None:
        return Response(answer.csv, headers=headers, content_type=f"{CSV}; charset=utf-8")
    if answer.replayed:
        headers["Idempotent-Replayed"] = "true"
    operation = answer.operation
    seconds = preferred_wait(request.headers.get("Prefer"))
    if operation is not None:
        if operation.finished_at is None and seconds:
            operation = held.waiter.wait(operation.id, seconds=seconds) or operation
            if operation.finished_at is not None:
                headers["Preference-Applied"] = f"wait={seconds}"
        if operation.finished_at is not None and operation.outcome_body is not None:
            return _outcome(operation, headers=headers)
    return json_response({**answer.body, **answer.shown_once}, status=answer.status, headers=headers)


def _outcome(operation: Operation, *, headers: dict[str, str]) -> Response:
    body, status = operation.outcome_body or {}, operation.outcome_status or 500
    if status >= 400:
        return problem_response(body, headers=headers)
    return json_response(body, status=status, headers=headers)


def json_response(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return `body` as JSON."""
    return Response(json.dumps(body), status=status, headers=headers, content_type="application/json")


def _digest() -> bytes:
    return idempotency.request_hash(method=request.method, path=request.path, body=request.get_data(cache=True))
