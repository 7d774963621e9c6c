"""Test clocks, for operators; in test mode only."""

from flask_openapi.blueprint import APIBlueprint

from app.edge import Answer, Context, Idempotency, endpoint
from app.pagination import page_of
from app.routes.documentation import BEARER, answers, slow_answers
from app.schemas import test_clocks as schemas
from app.schemas.base import PageQuery
from billing.test_clocks.advance import request_advance
from billing.test_clocks.create import create_clock
from billing.test_clocks.delete import delete_clock
from billing.test_clocks.find import clocks, find_clock
from billing.test_clocks.mode import require_test_mode
from billing.test_clocks.representation import clock_representation
from models.test_clock import TestClock

blueprint = APIBlueprint("test_clocks", __name__, abp_tags=[{"name": "Test clocks"}], abp_security=BEARER)


@blueprint.post("/test-clocks", summary="Add a test clock", responses=answers(schemas.TestClock, status=201))
@endpoint(scope="test_clocks:write", idempotency=Idempotency.OPTIONAL)
def create(context: Context, body: schemas.ClockCreate) -> Answer:
    """Time stands still there. `POST /customers` takes it as `test_clock`."""
    clock = create_clock(
        context.session,
        frozen_time=body.frozen_time,
        name=body.name,
        livemode=context.settings.livemode,
        actor=context.actor,
        now=context.now,
    )
    shown = clock_representation(clock)
    return Answer(status=201, body=shown, headers={"Location": f"/test-clocks/{shown['id']}"})


@blueprint.get("/test-clocks", summary="List test clocks", responses=answers(schemas.TestClockPage))
@endpoint(scope="test_clocks:read")
def list_(context: Context, query: PageQuery) -> Answer:
    """Newest first, without those that are deleted."""
    require_test_mode(livemode=context.settings.livemode)
    return Answer(
        body=page_of(
            context.session,
            clocks(),
            key=TestClock.id,
            limit=query.limit,
            cursor=query.cursor,
            represent=lambda found: [clock_representation(clock) for clock in found],
        )
    )


@blueprint.get("/test-clocks/<clock_id>", summary="Get a test clock", responses=answers(schemas.TestClock))
@endpoint(scope="test_clocks:read")
def get(context: Context, path: schemas.ClockPath) -> Answer:
    """What time it is there and, while it advances, how far it has come."""
    require_test_mode(livemode=context.settings.livemode)
    return Answer(body=clock_representation(find_clock(context.session, public=path.clock_id)))


@blueprint.post(
    "/test-clocks/<clock_id>/advance",
    summary="Advance a test clock",
    responses=slow_answers(schemas.TestClock, schemas.TestClockPending, status=200),
)
@endpoint(scope="test_clocks:write", idempotency=Idempotency.OPTIONAL)
def advance(context: Context, path: schemas.ClockPath, body: schemas.ClockAdvance) -> Answer:
    """All that falls due for its customers on the way is done, in the order in which it is due. Others stand still."""
    clock, operation = request_advance(
        context.session,
        public=path.clock_id,
        frozen_time=body.frozen_time,
        livemode=context.settings.livemode,
        actor=context.actor,
        now=context.now,
    )
    return Answer(body=clock_representation(clock), operation=operation)


@blueprint.delete("/test-clocks/<clock_id>", summary="Delete a test clock", responses=answers(schemas.TestClock))
@endpoint(scope="test_clocks:write")
def delete(context: Context, path: schemas.ClockPath) -> Answer:
    """Its customers are hidden, and nothing of theirs is billed any more; what was posted stays."""
    require_test_mode(livemode=context.settings.livemode)
    clock = delete_clock(context.session, public=path.clock_id, actor=context.actor, now=context.now)
    return Answer(body=clock_representation(clock))
