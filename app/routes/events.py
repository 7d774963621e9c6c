"""Our own events: what happened here, for 90 days."""

from flask_openapi.blueprint import APIBlueprint
from sqlalchemy import select

from app.edge import Answer, Context, endpoint
from app.pagination import page_of
from app.routes.documentation import BEARER, answers
from app.schemas import webhook_endpoints as schemas
from billing.outgoing.events import KEPT_FOR, find_own_event
from billing.outgoing.representation import event_representation
from models.outbox import OutboxEvent

blueprint = APIBlueprint("events", __name__, abp_tags=[{"name": "Events"}], abp_security=BEARER)


@blueprint.get("/events", summary="List events", responses=answers(schemas.OwnEventPage))
@endpoint(scope="events:read")
def list_(context: Context, query: schemas.EventQuery) -> Answer:
    """What happened in the last 90 days, newest first."""
    found = select(OutboxEvent).where(OutboxEvent.created_at >= context.now - KEPT_FOR)
    if query.type is not None:
        found = found.where(OutboxEvent.type == query.type)
    if query.object is not None:
        found = found.where(OutboxEvent.object_id == query.object)
    if query.from_ is not None:
        found = found.where(OutboxEvent.created_at >= query.from_)
    if query.to is not None:
        found = found.where(OutboxEvent.created_at < query.to)
    return Answer(
        body=page_of(
            context.session,
            found,
            key=OutboxEvent.id,
            limit=query.limit,
            cursor=query.cursor,
            represent=lambda events: [event_representation(event) for event in events],
        )
    )


@blueprint.get("/events/<event_id>", summary="Get an event", responses=answers(schemas.OwnEvent))
@endpoint(scope="events:read")
def get(context: Context, path: schemas.EventPath) -> Answer:
    """Return the event with the object as it then was."""
    return Answer(body=event_representation(find_own_event(context.session, public=path.event_id)))
