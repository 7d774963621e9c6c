"""Webhook endpoints: where the users of this service hear of events, and what was sent there."""

from collections.abc import Sequence

from flask_openapi.blueprint import APIBlueprint
from sqlalchemy import false, select

from app.edge import Answer, Context, Idempotency, endpoint
from app.pagination import page_of
from app.routes.documentation import BEARER, answers
from app.schemas import webhook_endpoints as schemas
from app.schemas.base import EmptyBody
from billing.outgoing import endpoints, redeliver
from billing.outgoing.representation import EVENT_PREFIX, delivery_representation, endpoint_representation
from models.ids import MalformedId, row_id
from models.outbox import OutboxEvent
from models.webhook_delivery import WebhookDelivery, WebhookStatus
from models.webhook_endpoint import EndpointStatus, WebhookEndpoint

blueprint = APIBlueprint("webhook_endpoints", __name__, abp_tags=[{"name": "Webhook endpoints"}], abp_security=BEARER)


@blueprint.post(
    "/webhook-endpoints",
    summary="Add a webhook endpoint",
    responses=answers(schemas.Endpoint, status=201, extra=(409,)),
)
@endpoint(scope="webhook_endpoints:write", idempotency=Idempotency.OPTIONAL)
def create(context: Context, body: schemas.EndpointCreate) -> Answer:
    """The answer shows the secret, this once: a repeated request gives the same endpoint without it."""
    fields = body.model_dump()
    added, secret = endpoints.create_endpoint(
        context.session,
        fields={"metadata_": fields.pop("metadata"), **fields},
        allow_private=context.settings.OUTGOING_WEBHOOKS_ALLOW_PRIVATE,
        keys=context.settings.encryption_keys,
        actor=context.actor,
        now=context.now,
    )
    return Answer(status=201, body=endpoint_representation(added), shown_once={"secret": secret})


@blueprint.get("/webhook-endpoints", summary="List webhook endpoints", responses=answers(schemas.EndpointPage))
@endpoint(scope="webhook_endpoints:read")
def list_(context: Context, query: schemas.EndpointQuery) -> Answer:
    """Newest first."""
    return Answer(
        body=page_of(
            context.session,
            select(WebhookEndpoint).where(WebhookEndpoint.deleted_at.is_(None)),
            key=WebhookEndpoint.id,
            limit=query.limit,
            cursor=query.cursor,
            represent=lambda found: [endpoint_representation(each) for each in found],
        )
    )


@blueprint.get(
    "/webhook-endpoints/<endpoint_id>", summary="Get a webhook endpoint", responses=answers(schemas.Endpoint)
)
@endpoint(scope="webhook_endpoints:read")
def get(context: Context, path: schemas.EndpointPath) -> Answer:
    """Return the endpoint, and how it does; never its secret."""
    return Answer(body=endpoint_representation(_found(context, path)))


@blueprint.put(
    "/webhook-endpoints/<endpoint_id>", summary="Change a webhook endpoint", responses=answers(schemas.Endpoint)
)
@endpoint(scope="webhook_endpoints:write", idempotency=Idempotency.OPTIONAL)
def update(context: Context, path: schemas.EndpointPath, body: schemas.EndpointUpdate) -> Answer:
    """Switched on again, it goes on with what waited; what came while it was off is sent when it is asked for."""
    fields = body.changes()
    status = fields.pop("status", None)
    if "metadata" in fields:
        fields["metadata_"] = fields.pop("metadata")
    found = _found(context, path, lock=True)
    endpoints.update_endpoint(
        context.session,
        endpoint=found,
        fields=fields,
        status=None if status is None else EndpointStatus(status),
        allow_private=context.settings.OUTGOING_WEBHOOKS_ALLOW_PRIVATE,
        actor=context.actor,
        now=context.now,
    )
    return Answer(body=endpoint_representation(found))


@blueprint.delete(
    "/webhook-endpoints/<endpoint_id>", summary="Delete a webhook endpoint", responses=answers(schemas.Deleted)
)
@endpoint(scope="webhook_endpoints:write")
def delete(context: Context, path: schemas.EndpointPath) -> Answer:
    """What still waited for it is not sent."""
    endpoints.delete_endpoint(
        context.session, endpoint=_found(context, path, lock=True), actor=context.actor, now=context.now
    )
    return Answer(body={"id": path.endpoint_id, "deleted": True})


@blueprint.post(
    "/webhook-endpoints/<endpoint_id>/rotate-secret",
    summary="Give a webhook endpoint a new secret",
    responses=answers(schemas.Endpoint),
)
@endpoint(scope="webhook_endpoints:write", idempotency=Idempotency.OPTIONAL)
def rotate_secret(context: Context, path: schemas.EndpointPath, body: EmptyBody) -> Answer:  # noqa: ARG001 - the schema refuses unknown fields
    """The answer shows the new secret, this once. For 24 hours the old one signs as well."""
    found = _found(context, path, lock=True)
    secret = endpoints.rotate_secret(
        context.session,
        endpoint=found,
        keys=context.settings.encryption_keys,
        actor=context.actor,
        now=context.now,
    )
    return Answer(body=endpoint_representation(found), shown_once={"secret": secret})


@blueprint.get(
    "/webhook-endpoints/<endpoint_id>/deliveries",
    summary="List deliveries",
    responses=answers(schemas.DeliveryPage),
)
@endpoint(scope="webhook_endpoints:read")
def list_deliveries(context: Context, path: schemas.EndpointPath, query: schemas.DeliveryQuery) -> Answer:
    """What this endpoint was sent, or is owed; newest first."""
    found = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == _found(context, path).id)
    if query.status is not None:
        found = found.where(WebhookDelivery.status == WebhookStatus(query.status))
    if query.type is not None:
        of_type = select(OutboxEvent.id).where(OutboxEvent.type == query.type)
        found = found.where(WebhookDelivery.event_id.in_(of_type))
    if query.event_id is not None:
        try:
            found = found.where(WebhookDelivery.event_id == row_id(EVENT_PREFIX, query.event_id))
        except MalformedId:
            found = found.where(false())

    def represent(deliveries: Sequence[WebhookDelivery]) -> list[dict[str, object]]:
        types = _event_types(context, deliveries)
        return [delivery_representation(each, event_type=types[each.event_id]) for each in deliveries]

    return Answer(
        body=page_of(
            context.session,
            found,
            key=WebhookDelivery.id,
            limit=query.limit,
            cursor=query.cursor,
            represent=represent,
        )
    )


@blueprint.get(
    "/webhook-endpoints/<endpoint_id>/deliveries/<delivery_id>",
    summary="Get a delivery",
    responses=answers(schemas.DeliveryWithAttempts),
)
@endpoint(scope="webhook_endpoints:read")
def get_delivery(context: Context, path: schemas.DeliveryPath) -> Answer:
    """The delivery with each attempt: when, how long, and what came back."""
    delivery = _delivery(context, path, _found(context, path))
    return Answer(body=_with_attempts(context, delivery))


@blueprint.post(
    "/webhook-endpoints/<endpoint_id>/deliveries/<delivery_id>/redeliver",
    summary="Send an event again",
    responses=answers(schemas.DeliveryWithAttempts, status=202, extra=(409,)),
)
@endpoint(scope="webhook_endpoints:write", idempotency=Idempotency.OPTIONAL)
def redeliver_one(context: Context, path: schemas.DeliveryPath, body: EmptyBody) -> Answer:  # noqa: ARG001 - the schema refuses unknown fields
    """Under the same `webhook-id`, after what waits there for the same customer."""
    found = _found(context, path, lock=True)
    delivery = redeliver.redeliver(
        context.session,
        endpoint=found,
        delivery=_delivery(context, path, found),
        actor=context.actor,
        now=context.now,
    )
    return Answer(status=202, body=_with_attempts(context, delivery))


@blueprint.post(
    "/webhook-endpoints/<endpoint_id>/redeliver",
    summary="Send again what an endpoint missed",
    responses=answers(schemas.Redelivered, status=202, extra=(409,)),
)
@endpoint(scope="webhook_endpoints:write", idempotency=Idempotency.OPTIONAL)
def redeliver_missed(context: Context, path: schemas.EndpointPath, body: schemas.RedeliverMissed) -> Answer:
    """What is `dead` or `skipped` since an instant, oldest first, 100 in a request."""
    done = redeliver.redeliver_missed(
        context.session,
        endpoint=_found(context, path, lock=True),
        since=body.since,
        actor=context.actor,
        now=context.now,
    )
    return Answer(status=202, body=done._asdict())


def _found(
    context: Context, path: schemas.EndpointPath | schemas.DeliveryPath, *, lock: bool = False
) -> WebhookEndpoint:
    return endpoints.find_endpoint(context.session, public=path.endpoint_id, lock=lock)


def _delivery(context: Context, path: schemas.DeliveryPath, of: WebhookEndpoint) -> WebhookDelivery:
    return redeliver.find_delivery(context.session, endpoint_id=of.id, public=path.delivery_id)


def _event_types(context: Context, deliveries: Sequence[WebhookDelivery]) -> dict[object, str]:
    found = select(OutboxEvent.id, OutboxEvent.type).where(OutboxEvent.id.in_([each.event_id for each in deliveries]))
    return {row.id: row.type for row in context.session.execute(found)}


def _with_attempts(context: Context, delivery: WebhookDelivery) -> dict[str, object]:
    return delivery_representation(
        delivery,
        event_type=_event_types(context, [delivery])[delivery.event_id],
        attempts=redeliver.attempts_of(context.session, delivery_id=delivery.id),
    )
