"""Reading subscriptions."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from billing.errors import NotFound
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
    """Return subscriptions as callers see them, in the order given; three queries, however many there are."""
    ids = [each.id for each in found]
    items = items_of_each(session, subscription_ids=ids)
    plans = {
        plan.id: plan for plan in session.scalars(select(Plan).where(Plan.id.in_({each.plan_id for each in found})))
    }
    pending = session.scalars(
        select(SubscriptionChange).where(
            SubscriptionChange.subscription_id.in_(ids),
            SubscriptionChange.applied_at.is_(None),
            SubscriptionChange.withdrawn_at.is_(None),
        )
    )
    change_of = {change.subscription_id: change.wanted for change in pending}
    return [
        subscription_representation(
            each, items=items[each.id], plan=plans[each.plan_id], pending_change=change_of.get(each.id)
        )
        for each in found
    ]
