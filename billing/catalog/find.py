"""Reading plans, their prices and their features."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from billing.catalog.representation import PREFIX, plan_representation
from billing.errors import NotFound
from models.ids import MalformedId, row_id
from models.plan import Plan, PlanFeature, PlanPrice


class PlanNotFound(NotFound):
    """There is no plan with this id or code."""

    code = "plan_not_found"


def find_plan(session: Session, *, named: str) -> Plan:
    """Return the plan with this id or code, also one that is not offered any more. Raises PlanNotFound."""
    try:
        query = select(Plan).where(Plan.id == row_id(PREFIX, named))
    except MalformedId:
        query = select(Plan).where(Plan.code == named)
    plan = session.scalar(query)
    if plan is None:
        raise PlanNotFound(f"there is no plan {named!r}")
    return plan


def offered_plans() -> Select[Plan]:
    """Return the query of the plans that are offered, in no order."""
    return select(Plan).where(Plan.active)


def prices_of_each(session: Session, *, plan_ids: Collection[UUID]) -> dict[UUID, list[PlanPrice]]:
    """Return the prices of several plans, by currency and then interval, by plan; one query for all of them."""
    found: dict[UUID, list[PlanPrice]] = {plan_id: [] for plan_id in plan_ids}
    query = select(PlanPrice).where(PlanPrice.plan_id.in_(plan_ids)).order_by(PlanPrice.currency, PlanPrice.interval)
    for price in session.scalars(query):
        found[price.plan_id].append(price)
    return found


def features_of_each(session: Session, *, plan_ids: Collection[UUID]) -> dict[UUID, dict[str, PlanFeature]]:
    """Return what several plans hold, by plan and the feature's name; one query for all of them."""
    found: dict[UUID, dict[str, PlanFeature]] = {plan_id: {} for plan_id in plan_ids}
    for held in session.scalars(select(PlanFeature).where(PlanFeature.plan_id.in_(plan_ids))):
        found[held.plan_id][held.feature] = held
    return found


def represented(session: Session, plans: Sequence[Plan], *, trial_days_default: int) -> list[dict[str, object]]:
    """Return plans as callers see them, in the order given; two queries, however many there are."""
    plan_ids = [plan.id for plan in plans]
    prices = prices_of_each(session, plan_ids=plan_ids)
    features = features_of_each(session, plan_ids=plan_ids)
    return [
        plan_representation(
            plan, prices=prices[plan.id], features=features[plan.id], trial_days_default=trial_days_default
        )
        for plan in plans
    ]
