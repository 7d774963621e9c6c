"""Usage events in, and what they add up to."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import request
from flask_openapi.blueprint import APIBlueprint
from pydantic import ValidationError

from app.edge import Answer, Context, endpoint
from app.pagination import page_of
from app.problems import RequestInvalid, request_invalid
from app.routes.documentation import BEARER, answers
from app.schemas import usage as schemas
from billing.customers.find import find_customer
from billing.decimals import plain
from billing.errors import BillingError, FieldFault, as_problem
from billing.usage.find import metered, represented, usage_events
from billing.usage.meters import find_meter
from billing.usage.report import Outcome, Reported, report_usage
from billing.usage.representation import EVENT_PREFIX
from models.ids import public_id
from models.usage import UsageEvent

blueprint = APIBlueprint("usage", __name__, abp_tags=[{"name": "Usage"}], abp_security=BEARER)


@blueprint.post("/usage/events", summary="Report usage", responses=answers(schemas.Report, extra=(409,)))
@endpoint(scope="usage:write", body=schemas.CLOUD_EVENTS)
def report(context: Context) -> Answer:
    """Takes one event, or an array of up to 1,000; each is taken once by its `source` and `id`, however often it is sent.

    In an array each event has its own result; a single event that is refused is a problem.
    """
    body: dict[str, Any] | list[Any] = request.get_json()
    sent = body if isinstance(body, list) else [body]
    if len(sent) > schemas.EVENTS_MAX:
        detail = f"takes at most {schemas.EVENTS_MAX} events at once, {len(sent)} were sent"
        raise RequestInvalid(detail, errors=[FieldFault("", "too_long", detail)])
    outcomes = report_usage(
        context.session,
        [_read(event) for event in sent],
        own=context.own,
        actor=context.actor.name,
        late_max=timedelta(hours=context.settings.USAGE_LATE_HOURS),
        now=context.now,
    )
    if isinstance(body, dict) and isinstance(outcomes[0], BillingError):
        raise outcomes[0]
    return Answer(body={"data": [_result(outcome, place=place) for place, outcome in enumerate(outcomes)]})


@blueprint.get("/usage/events", summary="List usage events", responses=answers(schemas.UsageEventPage))
@endpoint(scope="usage:read")
def list_events(context: Context, query: schemas.EventQuery) -> Answer:
    """The events that count, in the order in which they were taken, newest first; each with what it costs."""
    found = usage_events(customer_id=_whose(context, query.customer_id), event_id=query.event_id)

    def represent(events: Sequence[UsageEvent]) -> list[dict[str, object]]:
        return represented(context.session, events)

    return Answer(
        body=page_of(
            context.session, found, key=UsageEvent.id, limit=query.limit, cursor=query.cursor, represent=represent
        )
    )


@blueprint.get("/usage/meters", summary="Get usage by meter", responses=answers(schemas.MeteredUsage))
@endpoint(scope="usage:read")
def list_metered(context: Context, query: schemas.MeteredQuery) -> Answer:
    """How many units were used, on the days of the events' own times. What they cost in credits is in `GET /usage`."""
    rows = metered(
        context.session,
        customer_id=_whose(context, query.customer_id),
        meter_id=find_meter(context.session, named=query.meter).id if query.meter is not None else None,
        since=query.from_,
        until=query.to,
        by_day=query.group_by == "day",
    )
    return Answer(
        body={
            "data": [
                {
                    "meter": row.meter,
                    **({"day": str(row.day)} if row.day is not None else {}),
                    "quantity": plain(row.quantity),
                    "count": row.events,
                }
                for row in rows
            ]
        }
    )


def _whose(context: Context, customer: str | None) -> UUID | None:
    """Return the customer that is asked about; None for all customers."""
    if customer is None:
        return context.own
    return find_customer(context.session, public=customer, own=context.own).id


def _read(sent: object) -> Reported | BillingError:
    try:
        event = schemas.CloudEvent.model_validate(schemas.without_extensions(sent) if isinstance(sent, dict) else sent)
    except ValidationError as error:
        return request_invalid(error)
    return Reported(event.source, event.id, event.type, event.subject, event.time, event.data)


def _result(outcome: Outcome | BillingError, *, place: int) -> dict[str, object]:
    if isinstance(outcome, Outcome):
        return {"id": public_id(EVENT_PREFIX, outcome.id), "status": str(outcome.taken)}
    problem = as_problem(outcome)
    if outcome.errors:
        problem["errors"] = [fault._replace(pointer=f"/{place}{fault.pointer}")._asdict() for fault in outcome.errors]
    return {"error": problem}
