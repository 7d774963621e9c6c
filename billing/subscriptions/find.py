"""Reading subscriptions."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from billing.errors import NotFound
from billing.subscriptions.coupon import coupons_of_each
from billing.subscriptions.items import items_of_each
from billing.subscriptions.prefixes import SUBSCRIPTION_PREFIX
from billing.subscriptions.representation import subscription_representation
from models.ids import MalformedId, row_id
from models.plan import Plan
from models.subscription import Subscription, SubscriptionChange


class SubscriptionNotFound(NotFound):
    """There is no such subscription for this caller."""

    code = "subscription_not_found"


def find_subscription(session: Session, *, public: str, own: UUID | None) -> Subscription:
    """Return the subscription; `own` limits to one customer's own. Raises SubscriptionNotFound."""
    try:
        found = session.get(Subscription, row_id(SUBSCRIPTION_PREFIX, public))
    except MalformedId:
        found = None
    if found is None or own not in {None, found.customer_id}:
        raise SubscriptionNotFound(f"there is no subscription {public!r}")
    return found


def lock_subscription(session: Session, *, subscription_id: UUID) -> Subscription:
    """Return the subscription with its row locked and its newest values. The customer's lock comes before it."""
    query = select(Subscription).where(Subscription.id == subscription_id).with_for_update()
    return session.scalars(query, execution_options={"populate_existing": True}).one()


def subscriptions(*, customer_id: UUID | None, status: str | None, plan: str | None) -> Select[Subscription]:
    """Return the query of subscriptions, in no order."""
    query = select(Subscription)
    if customer_id is not None:
        query = query.where(Subscription.customer_id == customer_id)
    if status is not None:
        query = query.where(Subscription.status == status)
    if plan is not None:
        query = query.join(Plan, Plan.id == Subscription.plan_id).where(Plan.code == plan)
    return query


def represented(session: Session, found: Sequence[Subscription]) -> list[dict[str, object]]:
    """Return subscriptions as callers see them, in the order given; a few queries, however many there are."""
    ids = [each.id for each in found]
    items = items_of_each(session, subscription_ids=ids)
    changes = pending_changes(session, subscription_ids=ids)
    named = {each.plan_id for each in found} | {change.plan_id for change in changes.values()}
    plans = {plan.id: plan for plan in session.scalars(select(Plan).where(Plan.id.in_(named)))}
    coupons = coupons_of_each(session, subscription_ids=ids)
    return [
        subscription_representation(
            each,
            items=items[each.id],
            plan=plans[each.plan_id],
            coupon=coupons.get(each.id),
            pending=(changes[each.id], plans[changes[each.id].plan_id]) if each.id in changes else None,
        )
        for each in found
    ]


def pending_changes(session: Session, *, subscription_ids: Collection[UUID]) -> dict[UUID, SubscriptionChange]:
    """Return the change that each subscription waits for, where it does; one query for all of them."""
    query = select(SubscriptionChange).where(
        SubscriptionChange.subscription_id.in_(subscription_ids),
        SubscriptionChange.applied_at.is_(None),
        SubscriptionChange.withdrawn_at.is_(None),
    )
    return {change.subscription_id: change for change in session.scalars(query)}
