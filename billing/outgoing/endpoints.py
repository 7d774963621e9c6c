"""Use cases around webhook endpoints: add, find, change, switch off and on, give a new secret, delete."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from billing import audit
from billing.actor import Actor
from billing.errors import Conflict, FieldFault, Invalid, NotFound
from billing.event_types import EVENT_TYPES, EVERY_TYPE
from billing.hints import Hint
from billing.outgoing.representation import ENDPOINT_PREFIX, endpoint_representation
from billing.outgoing.signing import new_secret, secret_text
from billing.outgoing.target import TargetRefused, parse_target
from billing.sealing import seal, unseal
from billing.unit_of_work import hint_after_commit
from models.ids import MalformedId, new_id, public_id, row_id
from models.webhook_delivery import WebhookDelivery, WebhookStatus
from models.webhook_endpoint import DisabledReason, EndpointStatus, WebhookEndpoint

ENDPOINTS_MAX = 20
# Of more customers that wait than this, the others keep the pauses that they have.
DUE_AFRESH_MAX = 5_000
BOTH_SECRETS_SIGN_FOR = timedelta(hours=24)


class EndpointNotFound(NotFound):
    """There is no such webhook endpoint."""

    code = "webhook_endpoint_not_found"


class TooManyEndpoints(Conflict):
    """There are as many webhook endpoints as there may be."""

    code = "too_many_webhook_endpoints"


class EndpointUrlRefused(Invalid):
    """Webhooks are not sent to this URL."""

    code = "webhook_url_refused"


class EventTypeUnknown(Invalid):
    """An endpoint was to hear of events that do not exist."""

    code = "event_type_unknown"


def find_endpoint(session: Session, *, public: str, lock: bool = False) -> WebhookEndpoint:
    """Return the endpoint; `lock` keeps others from changing it, and events from being noted for it. Raises EndpointNotFound."""
    try:
        query = select(WebhookEndpoint).where(
            WebhookEndpoint.id == row_id(ENDPOINT_PREFIX, public), WebhookEndpoint.deleted_at.is_(None)
        )
    except MalformedId:
        raise EndpointNotFound(f"there is no webhook endpoint {public!r}") from None
    endpoint = session.scalar(query.with_for_update() if lock else query, execution_options={"populate_existing": lock})
    if endpoint is None:
        raise EndpointNotFound(f"there is no webhook endpoint {public!r}")
    return endpoint


def create_endpoint(
    session: Session,
    *,
    fields: Mapping[str, Any],
    allow_private: bool,
    keys: Sequence[bytes],
    actor: Actor,
    now: datetime,
) -> tuple[WebhookEndpoint, str]:
    """Add an endpoint and return it with its secret's text, which is shown this once.

    `fields` are columns of WebhookEndpoint by name. Raises EndpointUrlRefused, EventTypeUnknown, TooManyEndpoints.
    """
    checked = _checked(fields, allow_private=allow_private)
    there_are = select(func.count()).select_from(WebhookEndpoint).where(WebhookEndpoint.deleted_at.is_(None))
    if (session.scalar(there_are) or 0) >= ENDPOINTS_MAX:
        raise TooManyEndpoints(f"there are {ENDPOINTS_MAX} webhook endpoints already; delete one first")
    endpoint_id, secret = new_id(), new_secret()
    endpoint = WebhookEndpoint(
        id=endpoint_id,
        **checked,
        status=EndpointStatus.ENABLED,
        secret=_sealed(secret, endpoint_id=endpoint_id, keys=keys),
        failures_in_row=0,
        created_at=now,
        updated_at=now,
    )
    session.add(endpoint)
    session.flush()
    _record(session, endpoint, action="webhook_endpoint.created", before={}, actor=actor, now=now)
    return endpoint, secret_text(secret)


def update_endpoint(
    session: Session,
    *,
    endpoint: WebhookEndpoint,
    fields: Mapping[str, Any],
    status: EndpointStatus | None,
    allow_private: bool,
    actor: Actor,
    now: datetime,
) -> None:
    """Set the given fields of a locked endpoint, and switch it off or on.

    Switched on, or at a new URL, it starts afresh: what waits for it is due. Raises EndpointUrlRefused, EventTypeUnknown.
    """
    before = endpoint_representation(endpoint)
    for name, value in _checked(fields, allow_private=allow_private).items():
        setattr(endpoint, name, value)
    if endpoint.url != before["url"]:
        _start_afresh(session, endpoint)
    if status is EndpointStatus.DISABLED and endpoint.status is EndpointStatus.ENABLED:
        switch_off(endpoint, reason=DisabledReason.REQUESTED, now=now)
    elif status is EndpointStatus.ENABLED and endpoint.status is EndpointStatus.DISABLED:
        endpoint.status = EndpointStatus.ENABLED
        endpoint.disabled_reason = endpoint.disabled_at = None
        _start_afresh(session, endpoint)
    if endpoint_representation(endpoint) != before:
        endpoint.updated_at = now
        _record(session, endpoint, action="webhook_endpoint.updated", before=before, actor=actor, now=now)


def rotate_secret(
    session: Session, *, endpoint: WebhookEndpoint, keys: Sequence[bytes], actor: Actor, now: datetime
) -> str:
    """Give a locked endpoint a new secret and return its text, which is shown this once; for a day both sign."""
    before = endpoint_representation(endpoint)
    secret = new_secret()
    endpoint.previous_secret = endpoint.secret
    endpoint.previous_secret_until = now + BOTH_SECRETS_SIGN_FOR
    endpoint.secret = _sealed(secret, endpoint_id=endpoint.id, keys=keys)
    endpoint.updated_at = now
    _record(session, endpoint, action="webhook_endpoint.secret_rotated", before=before, actor=actor, now=now)
    return secret_text(secret)


def delete_endpoint(session: Session, *, endpoint: WebhookEndpoint, actor: Actor, now: datetime) -> None:
    """Delete a locked endpoint: its secrets are gone, and what still waited for it is skipped."""
    before = endpoint_representation(endpoint)
    session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.endpoint_id == endpoint.id, WebhookDelivery.status == WebhookStatus.PENDING)
        .values(status=WebhookStatus.SKIPPED, next_attempt_at=None, lease_token=None),
        execution_options={"synchronize_session": False},
    )
    if endpoint.status is EndpointStatus.ENABLED:
        switch_off(endpoint, reason=DisabledReason.REQUESTED, now=now)
    endpoint.secret = endpoint.previous_secret = endpoint.previous_secret_until = None
    endpoint.deleted_at = endpoint.updated_at = now
    _record(session, endpoint, action="webhook_endpoint.deleted", before=before, actor=actor, now=now)


def switch_off(endpoint: WebhookEndpoint, *, reason: DisabledReason, now: datetime) -> None:
    """Send nothing more to a locked endpoint; what waits keeps waiting, what comes is skipped."""
    endpoint.status = EndpointStatus.DISABLED
    endpoint.disabled_reason = reason
    endpoint.disabled_at = now


def signing_secrets(endpoint: WebhookEndpoint, *, keys: Sequence[bytes], now: datetime) -> list[bytes]:
    """Return the secrets that sign at `now`, newest first. Raises SealDoesNotOpen."""
    sealed = [endpoint.secret]
    if endpoint.previous_secret_until is not None and now < endpoint.previous_secret_until:
        sealed.append(endpoint.previous_secret)
    sealed_for = _sealed_for(endpoint.id)
    return [unseal(secret, keys=keys, sealed_for=sealed_for) for secret in sealed if secret is not None]


def _start_afresh(session: Session, endpoint: WebhookEndpoint) -> None:
    """Forget how the endpoint failed, and let the first deliveries that wait for it be due."""
    endpoint.failing_since = endpoint.paused_until = None
    endpoint.failures_in_row = 0
    waiting = (
        select(WebhookDelivery.id)
        .where(
            WebhookDelivery.endpoint_id == endpoint.id,
            WebhookDelivery.next_attempt_at > func.now(),
            WebhookDelivery.lease_token.is_(None),
        )
        .order_by(WebhookDelivery.next_attempt_at)
        .limit(DUE_AFRESH_MAX)
        .with_for_update(skip_locked=True)
    )
    session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.id.in_(waiting.scalar_subquery()))
        .values(next_attempt_at=func.now()),
        execution_options={"synchronize_session": False},
    )
    hint_after_commit(session, Hint.OUTGOING)


def _checked(fields: Mapping[str, Any], *, allow_private: bool) -> dict[str, Any]:
    checked = dict(fields)
    if "url" in checked:
        try:
            checked["url"] = parse_target(checked["url"], allow_private=allow_private).url
        except TargetRefused as refusal:
            fault = FieldFault("/url", refusal.code, refusal.detail)
            raise EndpointUrlRefused(refusal.detail, errors=[fault]) from None
    unknown = [
        FieldFault(f"/events/{place}", "unknown_event_type", f"there are no events of type {name!r}")
        for place, name in enumerate(checked.get("events", ()))
        if name not in {*EVENT_TYPES, EVERY_TYPE}
    ]
    if unknown:
        raise EventTypeUnknown(unknown[0].detail, errors=unknown)
    return checked


def _sealed(secret: bytes, *, endpoint_id: UUID, keys: Sequence[bytes]) -> bytes:
    return seal(secret, keys=keys, sealed_for=_sealed_for(endpoint_id))


def _sealed_for(endpoint_id: UUID) -> str:
    return f"webhook endpoint {public_id(ENDPOINT_PREFIX, endpoint_id)}"


def _record(
    session: Session,
    endpoint: WebhookEndpoint,
    *,
    action: str,
    before: dict[str, object],
    actor: Actor,
    now: datetime,
) -> None:
    changed_before, changed_after = audit.changed_fields(before, endpoint_representation(endpoint))
    audit.record(
        session,
        actor=actor,
        action=action,
        object_type="webhook_endpoint",
        object_id=public_id(ENDPOINT_PREFIX, endpoint.id),
        before=changed_before or None,
        after=changed_after,
        now=now,
    )
