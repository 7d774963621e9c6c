"""Webhooks in: verify on the raw body, store once, answer 200. Anything but a stored event makes the gateway send it again."""

from flask import Response, g, request
from flask_openapi.blueprint import APIBlueprint

from app.edge import json_response, services
from app.request_body import read_body
from app.routes.documentation import problems
from app.schemas.operators import Received as ReceivedAnswer
from billing.fail_points import fail_point
from billing.webhooks.event import parse_event
from billing.webhooks.receive import Received, require_mode
from billing.webhooks.signature import verify_stripe_signature

blueprint = APIBlueprint("webhooks", __name__, abp_tags=[{"name": "Webhooks"}])
_EVENT = {
    "type": "object",
    "required": ["id", "type", "livemode", "data"],
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 255},
        "type": {"type": "string", "minLength": 1, "maxLength": 255},
        "livemode": {
            "type": "boolean",
            "description": "as this installation is; an event of the other mode is refused",
        },
        "data": {"type": "object", "required": ["object"], "properties": {"object": {"type": "object"}}},
    },
}
_SIGNATURE = {
    "name": "Stripe-Signature",
    "in": "header",
    "required": True,
    "description": "`t=<seconds>,v1=<HMAC-SHA-256 of t.body>`, within five minutes of now",
    "schema": {"type": "string", "minLength": 1, "maxLength": 1024},
}


@blueprint.post(
    "/webhooks/stripe",
    summary="Take an event from Stripe",
    description="Signed with `Stripe-Signature`; takes no API key.",
    responses={200: ReceivedAnswer, **problems()},
    request_body={"content": {"application/json": {"schema": _EVENT}}, "required": True},
    openapi_extensions={"parameters": [_SIGNATURE]},
)
def stripe() -> Response:
    """Store the event once; a worker handles it."""
    held = services()
    held.limiter.take(held.limiter.webhooks, request.remote_addr or "unknown")
    settings = held.runtime.settings
    body = read_body(request)
    verify_stripe_signature(
        body=body,
        header=request.headers.get("Stripe-Signature"),
        secrets=[secret.get_secret_value() for secret in settings.STRIPE_WEBHOOK_SECRET],
        now=g.now,
        tolerance_seconds=settings.WEBHOOK_TOLERANCE_SECONDS,
    )
    event = parse_event(body)
    require_mode(event, livemode=settings.livemode)
    fail_point("webhook.verified")
    new = held.intake.submit(Received(event, g.now))
    return json_response({"received": True, "duplicate": not new})
