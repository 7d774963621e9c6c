"""Meters, for operators."""

from flask_openapi.blueprint import APIBlueprint
from sqlalchemy import select

from app.edge import Answer, Context, Idempotency, endpoint
from app.pagination import page_of
from app.routes.documentation import BEARER, answers
from app.schemas import meters as schemas
from app.schemas.base import PageQuery
from billing.usage.meters import create_meter, find_meter, retire_meter
from billing.usage.rate import read_per_unit
from billing.usage.representation import meter_representation
from models.usage import CreditRounding, Meter

blueprint = APIBlueprint("meters", __name__, abp_tags=[{"name": "Usage"}], abp_security=BEARER)


@blueprint.post("/meters", summary="Add a meter", responses=answers(schemas.Meter, status=201, extra=(409,)))
@endpoint(scope="meters:write", idempotency=Idempotency.OPTIONAL)
def create(context: Context, body: schemas.MeterCreate) -> Answer:
    """Counts from now on. It does not change; to count otherwise, retire it and add another."""
    costs = body.credits_per_unit is not None
    meter = create_meter(
        context.session,
        code=body.code,
        name=body.name,
        event_type=body.event_type,
        value_property=body.value_property,
        credits_per_unit=read_per_unit(body.credits_per_unit) if body.credits_per_unit is not None else None,
        rounding=CreditRounding(body.rounding) if costs else None,
        actor=context.actor,
        now=context.now,
    )
    return Answer(status=201, body=meter_representation(meter))


@blueprint.get("/meters", summary="List meters", responses=answers(schemas.MeterPage))
@endpoint(scope="meters:read")
def list_(context: Context, query: PageQuery) -> Answer:
    """Newest first, also those that are retired."""
    return Answer(
        body=page_of(
            context.session,
            select(Meter),
            key=Meter.id,
            limit=query.limit,
            cursor=query.cursor,
            represent=lambda meters: [meter_representation(meter) for meter in meters],
        )
    )


@blueprint.get("/meters/<meter_id>", summary="Get a meter", responses=answers(schemas.Meter))
@endpoint(scope="meters:read")
def get(context: Context, path: schemas.MeterPath) -> Answer:
    """By id or by code."""
    return Answer(body=meter_representation(find_meter(context.session, named=path.meter_id)))


@blueprint.delete("/meters/<meter_id>", summary="Retire a meter", responses=answers(schemas.Meter))
@endpoint(scope="meters:write")
def retire(context: Context, path: schemas.MeterPath) -> Answer:
    """It counts no more events; what it has counted stays, and its code stays taken."""
    meter = retire_meter(context.session, named=path.meter_id, actor=context.actor, now=context.now)
    return Answer(body=meter_representation(meter))
