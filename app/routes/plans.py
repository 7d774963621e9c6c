"""The catalog of plans, and what customers may use of them."""

from collections.abc import Sequence

from flask_openapi.blueprint import APIBlueprint

from app.edge import Answer, Context, Idempotency, endpoint
from app.pagination import page_of
from app.routes.documentation import BEARER, answers
from app.schemas import plans as schemas
from app.schemas.base import PageQuery
from app.schemas.customers import CustomerPath
from billing.business_time import business_now_of
from billing.catalog.find import find_plan, offered_plans, represented
from billing.customers.find import find_customer
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.entitlements.consume import consume
from billing.entitlements.find import entitlements_of
from billing.entitlements.period import month_of
from billing.timestamps import iso
from models.ids import public_id
from models.plan import Plan

blueprint = APIBlueprint("plans", __name__, abp_tags=[{"name": "Plans"}], abp_security=BEARER)


@blueprint.get("/plans", summary="List plans", responses=answers(schemas.PlanPage))
@endpoint(scope="plans:read")
def list_(context: Context, query: PageQuery) -> Answer:
    """The plans that are offered, newest first; `position` is the place on a page of prices."""
    return Answer(
        body=page_of(
            context.session,
            offered_plans(),
            key=Plan.id,
            limit=query.limit,
            cursor=query.cursor,
            represent=lambda plans: _represented(context, plans),
        )
    )


@blueprint.get("/plans/<plan_id>", summary="Get a plan", responses=answers(schemas.Plan))
@endpoint(scope="plans:read")
def get(context: Context, path: schemas.PlanPath) -> Answer:
    """By id or by code; also a plan that is not offered any more."""
    plan = find_plan(context.session, named=path.plan_id)
    return Answer(body=_represented(context, [plan])[0])


@blueprint.get(
    "/customers/<customer_id>/entitlements", summary="Get entitlements", responses=answers(schemas.Entitlements)
)
@endpoint(scope="entitlements:read")
def get_entitlements(context: Context, path: CustomerPath) -> Answer:
    """What the customer's plan allows of each feature, what is used, and what is left."""
    customer = find_customer(context.session, public=path.customer_id, own=context.own)
    now = business_now_of(context.session, customer=customer, now=context.now)
    plan, entitlements = entitlements_of(
        context.session, customer_id=customer.id, grace_days=context.settings.GRACE_PERIOD_DAYS, now=now
    )
    month = month_of(now)
    return Answer(
        body={
            "customer_id": public_id(CUSTOMER_PREFIX, customer.id),
            "plan": plan.code,
            "period_start": iso(month.start),
            "period_end": iso(month.end),
            "data": [entitlement.representation() for entitlement in entitlements],
        }
    )


@blueprint.post(
    "/customers/<customer_id>/entitlements/<feature>/consume",
    summary="Use a feature",
    responses=answers(schemas.Entitlement, extra=(402, 409)),
)
@endpoint(scope="entitlements:write", idempotency=Idempotency.OPTIONAL)
def consume_feature(context: Context, path: schemas.EntitlementPath, body: schemas.Consumption) -> Answer:
    """All of the amount is counted, or a 402 and none of it. What may be given back is given back by a negative amount."""
    customer = find_customer(context.session, public=path.customer_id, own=context.own)
    entitlement = consume(
        context.session,
        customer_id=customer.id,
        feature=path.feature,
        amount=body.amount,
        grace_days=context.settings.GRACE_PERIOD_DAYS,
        now=business_now_of(context.session, customer=customer, now=context.now),
    )
    return Answer(body=entitlement.representation())


def _represented(context: Context, plans: Sequence[Plan]) -> list[dict[str, object]]:
    return represented(context.session, plans, trial_days_default=context.settings.TRIAL_PERIOD_DAYS)
