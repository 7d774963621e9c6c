"""Reading subscriptions of both kinds: those that our engine bills, and those that Stripe does."""

from collections.abc import Sequence
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from billing.errors import Conflict
from billing.mirror.representation import mirror_representation
from billing.subscriptions.find import SubscriptionNotFound, find_subscription, represented
from billing.subscriptions.prefixes import SUBSCRIPTION_PREFIX
from models.ids import MalformedId, row_id
from models.mirror import MirroredSubscription
from models.plan import Plan
from models.subscription import Subscription

AnySubscription: TypeAlias = Subscription | MirroredSubscription


class SubscriptionManagedAtStripe(Conflict):
    """Stripe bills the subscription: it is changed there, or brought into our own engine first."""

    code = "subscription_managed_at_stripe"


def find_either(session: Session, *, public: str, own: UUID | None) -> AnySubscription:
    """Return the subscription, of either kind; `own` limits to one customer's own. Raises SubscriptionNotFound."""
    try:
        mirror = session.get(MirroredSubscription, row_id(SUBSCRIPTION_PREFIX, public))
    except MalformedId:
        mirror = None
    if mirror is None:
        return find_subscription(session, public=public, own=own)
    if own not in {None, mirror.customer_id}:
        raise SubscriptionNotFound(f"there is no subscription {public!r}")
    return mirror


def find_ours(session: Session, *, public: str, own: UUID | None) -> Subscription:
    """Return the subscription that is to be changed. Raises SubscriptionNotFound, SubscriptionManagedAtStripe."""
    found = find_either(session, public=public, own=own)
    if isinstance(found, Subscription):
        return found
    raise SubscriptionManagedAtStripe(
        f"{public} is {found.gateway_id} at Stripe, which bills it: change it there, or take it over with "
        f"`billing import stripe-subscription {found.gateway_id}`",
        extensions={"gateway_id": found.gateway_id},
    )


def mirrored_subscriptions(
    *, customer_id: UUID | None, status: str | None, plan: str | None
) -> Select[MirroredSubscription]:
    """Return the query of mirrored subscriptions, in no order."""
    query = select(MirroredSubscription)
    if customer_id is not None:
        query = query.where(MirroredSubscription.customer_id == customer_id)
    if status is not None:
        query = query.where(MirroredSubscription.status == status)
    if plan is not None:
        query = query.join(Plan, Plan.id == MirroredSubscription.plan_id).where(Plan.code == plan)
    return query


def represented_either(session: Session, found: Sequence[AnySubscription]) -> list[dict[str, object]]:
    """Return subscriptions of both kinds as callers see them, in the order given; four queries, however many there are."""
    ours = [each for each in found if isinstance(each, Subscription)]
    mirrors = [each for each in found if isinstance(each, MirroredSubscription)]
    shown = dict(zip((each.id for each in ours), represented(session, ours), strict=True))
    shown |= dict(zip((each.id for each in mirrors), represented_mirrors(session, mirrors), strict=True))
    return [shown[each.id] for each in found]


def represented_mirrors(session: Session, found: Sequence[MirroredSubscription]) -> list[dict[str, object]]:
    """Return mirrored subscriptions as callers see them, in the order given; one query, however many there are."""
    plans = {each.plan_id for each in found if each.plan_id is not None}
    codes: dict[UUID, str] = {}
    if plans:
        codes = {row.id: row.code for row in session.execute(select(Plan.id, Plan.code).where(Plan.id.in_(plans)))}
    return [
        mirror_representation(each, plan_code=codes[each.plan_id] if each.plan_id is not None else None)
        for each in found
    ]
