"""What operators and waiting callers look at: operations, stored webhook events, the audit log."""

from collections.abc import Sequence
from typing import Any, TypeVar

from flask_openapi.blueprint import APIBlueprint
from sqlalchemy import Select, select
from sqlalchemy.orm import InstrumentedAttribute

from app.edge import Answer, Context, Idempotency, endpoint
from app.pagination import page_of
from app.routes.documentation import BEARER, answers
from app.schemas import operators as schemas
from billing import operations
from billing.audit import entry_content
from billing.webhooks.replay import event_representation, find_event, replay_event
from models.audit import AuditEntry, AuditSeal
from models.inbox_event import InboxEvent, InboxStatus

blueprint = APIBlueprint("operators", __name__, abp_security=BEARER)
T = TypeVar("T")


@blueprint.get(
    "/operations/<operation_id>",
    summary="Get an operation",
    tags=[{"name": "Operations"}],
    responses=answers(schemas.Operation),
)
@endpoint(scope="operations:read")
def get_operation(context: Context, path: schemas.OperationPath) -> Answer:
    """How accepted work stands, and what it came to."""
    operation = operations.find(context.session, public=path.operation_id, customer_id=context.own)
    return Answer(body=operations.representation(operation))


@blueprint.get(
    "/webhooks/events",
    summary="List stored webhook events",
    tags=[{"name": "Webhooks"}],
    responses=answers(schemas.EventPage),
)
@endpoint(scope="webhooks:read")
def list_events(context: Context, query: schemas.EventQuery) -> Answer:
    """What the gateway sent, and what became of it; newest first."""
    found = select(InboxEvent)
    if query.type is not None:
        found = found.where(InboxEvent.type == query.type)
    if query.status is not None:
        found = found.where(InboxEvent.status == InboxStatus(query.status))
    found = _between(found, InboxEvent.received_at, query)

    def represent(events: Sequence[InboxEvent]) -> list[dict[str, object]]:
        return [event_representation(event, with_payload=False) for event in events]

    return Answer(
        body=page_of(
            context.session, found, key=InboxEvent.id, limit=query.limit, cursor=query.cursor, represent=represent
        )
    )


@blueprint.get(
    "/webhooks/events/<event_id>",
    summary="Get a stored webhook event",
    tags=[{"name": "Webhooks"}],
    responses=answers(schemas.EventWithPayload),
)
@endpoint(scope="webhooks:read")
def get_event(context: Context, path: schemas.EventPath) -> Answer:
    """The event with what the gateway sent."""
    event = find_event(context.session, external_id=path.event_id)
    return Answer(body=event_representation(event, with_payload=True))


@blueprint.post(
    "/webhooks/replay",
    summary="Handle a stored event again",
    tags=[{"name": "Webhooks"}],
    responses=answers(schemas.Event, status=202, extra=(409,)),
)
@endpoint(scope="webhooks:write", idempotency=Idempotency.OPTIONAL)
def replay(context: Context, body: schemas.Replay) -> Answer:
    """Harmless: a handler brings our rows to the gateway's present state, however often it runs."""
    event = replay_event(context.session, external_id=body.event_id, actor=context.actor, now=context.now)
    return Answer(status=202, body=event_representation(event, with_payload=False))


@blueprint.get(
    "/audit-log",
    summary="List the audit log",
    tags=[{"name": "Audit"}],
    responses=answers(schemas.AuditPage),
)
@endpoint(scope="audit:read")
def list_audit(context: Context, query: schemas.AuditQuery) -> Answer:
    """Who changed what; newest first."""
    found = select(AuditEntry)
    if query.actor is not None:
        found = found.where(AuditEntry.actor == query.actor)
    if query.object is not None:
        found = found.where(AuditEntry.object_id == query.object)
    if query.action is not None:
        found = found.where(AuditEntry.action == query.action)
    found = _between(found, AuditEntry.at, query)

    def represent(entries: Sequence[AuditEntry]) -> list[dict[str, object]]:
        sealed = select(AuditSeal.entry_id, AuditSeal.seq).where(
            AuditSeal.entry_id.in_([entry.id for entry in entries])
        )
        places = {row.entry_id: row.seq for row in context.session.execute(sealed)}
        return [{**entry_content(entry), "seq": places.get(entry.id)} for entry in entries]

    return Answer(
        body=page_of(
            context.session, found, key=AuditEntry.id, limit=query.limit, cursor=query.cursor, represent=represent
        )
    )


def _between(
    found: Select[T], column: InstrumentedAttribute[Any], query: schemas.EventQuery | schemas.AuditQuery
) -> Select[T]:
    if query.from_ is not None:
        found = found.where(column >= query.from_)
    if query.to is not None:
        found = found.where(column < query.to)
    return found
