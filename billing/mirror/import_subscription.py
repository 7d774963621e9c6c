"""Use cases: a subscription that Stripe bills goes on here. First it is asked for, then Stripe is told, then it is ours.

What is asked for is an operation, with the terms in it. The worker tells Stripe to end the subscription with its present period,
under the operation's key (perform_import.py), and only when Stripe has said so, ours is added, anchored at that end. Until then
Stripe would go on; from then on we do: there is no moment at which both would bill, and none at which nobody would.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from billing import operations
from billing.actor import Actor
from billing.gateways.errors import GatewayAnswerNotUnderstood
from billing.gateways.snapshots import PaymentMethodSnapshot
from billing.mirror.apply import apply_mirror
from billing.mirror.import_terms import ImportTerms, SubscriptionNotImportable, import_terms
from billing.mirror.observe import MirrorObservation
from billing.mirror.state import IMPORT_KEY
from billing.payment_methods.outcome import apply_attached
from billing.subscriptions.cycle import Cycle, cycle_from
from billing.subscriptions.move import record
from billing.subscriptions.prefixes import SUBSCRIPTION_PREFIX
from billing.subscriptions.proration import EventDay, Granularity
from billing.subscriptions.state import FINAL
from models.customer import Customer
from models.ids import new_id, public_id
from models.mirror import MirroredSubscription
from models.operation import Operation
from models.price import PriceInterval
from models.subscription import Subscription, SubscriptionItem, SubscriptionStatus

OPERATION_KIND = "subscription.import"
FACT = "subscription.imported"


def preview_import(
    session: Session, *, observation: MirrorObservation, actor: Actor, now: datetime
) -> tuple[MirroredSubscription, ImportTerms]:
    """Mirror the subscription as it was observed, and return on which terms it could go on here. Nothing else is done.

    Raises SubscriptionNotImportable, AlreadySubscribed, StaleObservation.
    """
    mirror = apply_mirror(session, observation=observation, actor=actor, now=now)
    if mirror is None or observation.subscription is None:
        raise SubscriptionNotImportable(f"Stripe has no subscription {observation.gateway_id}")
    customer = session.get(Customer, mirror.customer_id) if mirror.customer_id is not None else None
    terms = import_terms(session, mirror=mirror, customer=customer, subscription=observation.subscription)
    return mirror, terms


def request_import(session: Session, *, observation: MirrorObservation, actor: Actor, now: datetime) -> Operation:
    """Accept that a subscription at Stripe is to go on here; a worker does the rest.

    Raises what `preview_import` raises, and OperationUnderWay.
    """
    mirror, terms = preview_import(session, observation=observation, actor=actor, now=now)
    return operations.enqueue(
        session,
        kind=OPERATION_KIND,
        customer_id=mirror.customer_id,
        resource_type="subscription",
        resource_id=public_id(SUBSCRIPTION_PREFIX, mirror.id),
        params={
            "gateway_id": mirror.gateway_id,
            "version_id": str(terms.version_id),
            "plan_id": str(terms.plan_id),
            "interval": str(terms.interval),
            "price_ids": [str(price_id) for price_id in terms.price_ids],
        },
        actor=actor,
        now=now,
    )


def take_over(
    session: Session,
    *,
    observation: MirrorObservation,
    params: dict[str, Any],
    payment_method: PaymentMethodSnapshot | None,
    actor: Actor,
    now: datetime,
) -> Subscription:
    """Add the subscription that goes on where the one at Stripe ends, which Stripe has confirmed.

    It was observed after that, and what it says now counts: had it been renewed meanwhile, ours begins a period later; had it
    ended meanwhile, ours is due at once. Raises StaleObservation, GatewayAnswerNotUnderstood.
    """
    mirror = apply_mirror(session, observation=observation, actor=actor, now=now)
    there = observation.subscription
    if mirror is None or mirror.customer_id is None or there is None:
        raise GatewayAnswerNotUnderstood(f"{observation.gateway_id} was to end with its period, and is gone")
    if not mirror.cancel_at_period_end and mirror.status not in FINAL:
        raise GatewayAnswerNotUnderstood(f"{mirror.gateway_id} was to end with its period, and goes on")
    if payment_method is not None and payment_method.customer == mirror.gateway_customer_id:
        apply_attached(
            session,
            customer_id=mirror.customer_id,
            snapshot=payment_method,
            set_default=there.default_payment_method is None,
            actor=actor,
            now=now,
        )
    ours = _row(mirror, params, now=now)
    session.add(ours)
    session.flush()
    quantity = there.items[0].quantity or 1
    session.add_all(
        SubscriptionItem(
            id=new_id(),
            subscription_id=ours.id,
            price_id=UUID(price_id),
            quantity=quantity,
            started_at=ours.current_period_start,
        )
        for price_id in params["price_ids"]
    )
    mirror.imported_as = ours.id
    record(
        session,
        ours,
        fact=FACT,
        before={"managed_by": "stripe", "gateway_id": None},
        after={"managed_by": "billing", "gateway_id": mirror.gateway_id},
        actor=actor,
        at=now.replace(microsecond=0),
        now=now,
    )
    return ours


def _row(mirror: MirroredSubscription, params: dict[str, Any], *, now: datetime) -> Subscription:
    end = min(mirror.current_period_end, mirror.ended_at or mirror.current_period_end)
    interval = PriceInterval(params["interval"])
    trialing = mirror.status is SubscriptionStatus.TRIALING
    return Subscription(
        id=new_id(),
        customer_id=mirror.customer_id,
        status=SubscriptionStatus.TRIALING if trialing else SubscriptionStatus.ACTIVE,
        plan_id=UUID(params["plan_id"]),
        plan_version_id=UUID(params["version_id"]),
        interval=interval,
        currency=mirror.currency,
        anchor=end,
        anchor_day=cycle_on_from(end, interval=interval, day=mirror.anchor.day).day,
        current_period_start=min(mirror.current_period_start, end),
        current_period_end=end,
        trial_start=mirror.trial_start if trialing else None,
        trial_end=mirror.trial_end if trialing else None,
        trial_reminded_at=mirror.trial_reminded_at,
        # What is left of the present period was paid at Stripe, and its credits came with it.
        credited_until=end,
        collection=mirror.collection,
        days_until_due=mirror.days_until_due,
        auto_renew=True,
        payment_method_id=mirror.payment_method_id,
        proration_granularity=str(Granularity.SECOND),
        proration_event_day=str(EventDay.NEW_PLAN),
        cancel_at_period_end=False,
        metadata_={name: text for name, text in mirror.metadata_.items() if name != IMPORT_KEY},
        created_at=now.replace(microsecond=0),
        updated_at=now.replace(microsecond=0),
    )


def cycle_on_from(end: datetime, *, interval: PriceInterval, day: int) -> Cycle:
    """Return the cycle that has a boundary at `end`, on the anchor's day where that is why the period ends then.

    A subscription that was anchored on 31 January, and whose period ends on 28 February, goes on to 31 March.
    """
    cycle = cycle_from(end, interval=interval, day=day)
    return cycle if cycle.anchor == end else cycle_from(end, interval=interval)
