"""Use case: apply what the gateway says of a subscription that it bills. Events, the first look at all of them, and the
import into our own engine end here.

Locks: the customer, where it is ours, then the mirrored subscription. Nothing here bills, collects or ends anything.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from billing import audit
from billing.actor import Actor
from billing.business_time import business_now_of
from billing.catalog.find import current_version
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.facts import record_fact
from billing.gateways.snapshots import SubscriptionSnapshot
from billing.mirror.allowance import owe_period
from billing.mirror.facts import fact_of
from billing.mirror.find import represented_mirrors
from billing.mirror.observe import NEVER, MirrorObservation
from billing.mirror.plans import plan_item
from billing.mirror.state import IMPORT_KEY, pays_for_present, state_of
from billing.observations import require_version
from models.customer import Customer
from models.ids import named_row, new_id
from models.mirror import MirroredSubscription
from models.plan import Plan, PlanVersion
from models.subscription import SubscriptionStatus

TRIAL_ENDING = "subscription.trial_ending"
_FINAL = (SubscriptionStatus.CANCELED, SubscriptionStatus.EXPIRED)


def apply_mirror(
    session: Session,
    *,
    observation: MirrorObservation,
    reminds_of_trial_end: bool = False,
    actor: Actor,
    now: datetime,
) -> MirroredSubscription | None:
    """Bring the mirrored subscription to what was observed, and return it; None for one that is neither here nor there.

    Raises StaleObservation when another observation came in between: ask again. `reminds_of_trial_end` says that the gateway
    has told that a trial ends soon, which its state does not show.
    """
    if observation.subscription is None:
        return _forget(session, observation, actor=actor, now=now)
    customer = _lock_customer(session, observation.subscription)
    at = business_now_of(session, customer=customer, now=now) if customer is not None else now
    chosen = plan_item(session, observation.subscription)
    state = state_of(observation.subscription, item=chosen.item)
    mirror = _locked(session, observation, state, now=now)
    before = None if mirror.version == NEVER else represented_mirrors(session, [mirror])[0]
    for name, value in state.items():
        setattr(mirror, name, value)
    mirror.version += 1
    mirror.customer_id = mirror.customer_id or (customer.id if customer is not None else None)
    version = _follow_plan(session, mirror, chosen.plan)
    session.flush()
    _tell(session, mirror, before=before, actor=actor, now=now)
    if mirror.imported_as is None and mirror.customer_id is not None:
        if version is not None and pays_for_present(observation.subscription, item=chosen.item):
            owe_period(session, mirror, version, recurring=chosen.item.price.recurring, at=at, now=now)
        if reminds_of_trial_end and mirror.status is SubscriptionStatus.TRIALING and mirror.trial_reminded_at is None:
            mirror.trial_reminded_at = at
            _record(session, mirror, fact=TRIAL_ENDING, before={"reminded": False}, actor=actor, now=now)
    return mirror


def is_over(mirror: MirroredSubscription) -> bool:
    """Return whether the gateway can have nothing new to say of it: what was canceled or expired there stays so."""
    return mirror.status in _FINAL


def _lock_customer(session: Session, subscription: SubscriptionSnapshot) -> Customer | None:
    """Return our customer with its row locked: whose mirror it is already, else whose the gateway's customer is.

    The gateway's customer may be named by us before we know its id: then its metadata names our row.
    """
    known = select(MirroredSubscription.customer_id).where(MirroredSubscription.gateway_id == subscription.id)
    by_gateway = select(Customer.id).where(Customer.gateway_id == subscription.customer.id)
    named = named_row(CUSTOMER_PREFIX, subscription.customer.metadata, "customer_id")
    customer_id: UUID | None = session.scalar(known) or session.scalar(by_gateway) or named
    if customer_id is None:
        return None
    query = select(Customer).where(Customer.id == customer_id).with_for_update()
    return session.scalar(query, execution_options={"populate_existing": True})


def _locked(
    session: Session, observation: MirrorObservation, state: dict[str, Any], *, now: datetime
) -> MirroredSubscription:
    """Return the row, added where it is new, with its lock held. Raises StaleObservation."""
    session.execute(
        insert(MirroredSubscription)
        .values(id=new_id(), gateway_id=observation.gateway_id, version=NEVER, created_at=now, updated_at=now, **state)
        .on_conflict_do_nothing(index_elements=["gateway_id"])
    )
    query = select(MirroredSubscription).where(MirroredSubscription.gateway_id == observation.gateway_id)
    mirror = session.scalars(query.with_for_update(), execution_options={"populate_existing": True}).one()
    require_version(current=mirror.version, observed=observation.version)
    return mirror


def _follow_plan(session: Session, mirror: MirroredSubscription, plan: Plan | None) -> PlanVersion | None:
    """Set the plan, with the version that is sold now; whose plan stays keeps the version that it began with."""
    if plan is None:
        mirror.plan_id = mirror.plan_version_id = None
        return None
    if mirror.plan_id == plan.id and mirror.plan_version_id is not None:
        return session.get_one(PlanVersion, mirror.plan_version_id)
    version = current_version(session, plan_id=plan.id)
    mirror.plan_id, mirror.plan_version_id = plan.id, version.id
    return version


def _forget(
    session: Session, observation: MirrorObservation, *, actor: Actor, now: datetime
) -> MirroredSubscription | None:
    """Let one end that the gateway does not have any more, such as test data that was deleted there."""
    query = select(MirroredSubscription).where(MirroredSubscription.gateway_id == observation.gateway_id)
    mirror = session.scalar(query.with_for_update(), execution_options={"populate_existing": True})
    if mirror is None or is_over(mirror):
        return mirror
    require_version(current=mirror.version, observed=observation.version)
    (before,) = represented_mirrors(session, [mirror])
    mirror.version += 1
    mirror.status, mirror.ended_at, mirror.past_due_since = SubscriptionStatus.CANCELED, now, None
    mirror.cancel_reason = "the gateway does not have it any more"
    session.flush()
    _tell(session, mirror, before=before, actor=actor, now=now)
    return mirror


def _tell(
    session: Session, mirror: MirroredSubscription, *, before: dict[str, object] | None, actor: Actor, now: datetime
) -> None:
    """Write down what has changed. Of one that goes on here nothing is told: for its customer nothing ends."""
    (after,) = represented_mirrors(session, [mirror])
    fact = fact_of(before, after)
    if fact is None:
        return
    mirror.updated_at = now
    is_taken_over = IMPORT_KEY in mirror.metadata_ and mirror.cancel_at_period_end and not is_over(mirror)
    if mirror.imported_as is None and not is_taken_over:
        _record(session, mirror, fact=fact, before=before or {}, actor=actor, now=now)


def _record(
    session: Session,
    mirror: MirroredSubscription,
    *,
    fact: str,
    before: dict[str, object],
    actor: Actor,
    now: datetime,
) -> None:
    session.flush()
    (state,) = represented_mirrors(session, [mirror])
    changed_before, changed_after = audit.changed_fields(before, state) if "id" in before else (before, state)
    record_fact(
        session,
        fact=fact,
        object_type="subscription",
        state=state,
        customer_id=mirror.customer_id,
        before=changed_before or None,
        after=changed_after,
        actor=actor,
        now=now,
    )
