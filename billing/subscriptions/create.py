"""Use case: a customer subscribes. With a trial nothing is owed yet; else the first invoice is issued at once.

What is to be charged leaves a pending payment and an operation: the gateway hears of it from a worker, and the subscription is
`incomplete` until it is paid. What costs nothing, and what is paid by a sent invoice, begins at once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Row, cast, func, select
from sqlalchemy.dialects.postgresql import JSONPATH
from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.errors import Conflict
from billing.invoicing.collect import Collected, collect, default_payment_method
from billing.invoicing.issue import compute_each, issue
from billing.settings import Settings
from billing.subscriptions.allowance import owe_month
from billing.subscriptions.coupon import coupons_of_each, redeem, use_up
from billing.subscriptions.cycle import Period, cycle_from, whole_seconds
from billing.subscriptions.lines import PricedItem
from billing.subscriptions.move import record
from billing.subscriptions.offer import Offer, offer, row_of
from billing.subscriptions.period_draft import Owed, period_draft
from billing.subscriptions.prefixes import SUBSCRIPTION_PREFIX
from billing.subscriptions.proration import Policy
from billing.tax.rule import flat_tax
from models.customer import Customer
from models.ids import new_id, public_id
from models.invoice import BillingReason, Invoice
from models.mirror import MirroredSubscription
from models.plan import Plan
from models.price import Price, PriceInterval
from models.subscription import Collection, Subscription, SubscriptionItem, SubscriptionStatus

OPERATION_KIND = "subscription.create"
# An item at Stripe that costs something; of one with tiers the amount is null.
_PAID_ITEM = "$[*].unit_amount ? (@ != 0)"


class AlreadySubscribed(Conflict):
    """The customer has this plan, or is about to: a second subscription to it would be billed twice."""

    code = "already_subscribed"


class SubscriptionTerms(NamedTuple):
    """What the caller asked for. None: the default, which for `trial_days` depends on the plan and the customer."""

    plan: str
    interval: PriceInterval
    quantity: int
    addons: Mapping[str, int]
    currency: str | None
    trial_days: int | None
    payment_method: str | None
    coupon: str | None
    policy: Policy
    collection: Collection
    days_until_due: int
    billing_anchor_day: int | None
    auto_renew: bool
    metadata: dict[str, str]


class Created(NamedTuple):
    """A subscription, and what collects its first invoice, where there is something to collect."""

    subscription: Subscription
    collected: Collected | None


def create_subscription(
    session: Session,
    *,
    customer: Customer,
    terms: SubscriptionTerms,
    settings: Settings,
    actor: Actor,
    now: datetime,
    recorded_at: datetime,
) -> Created:
    """Add a subscription that begins at `now`, the customer's business time; `recorded_at` is real time.

    The caller holds the customer's lock. Raises PlanNotFound, PlanNotOffered, PriceNotFound, AlreadySubscribed.
    """
    at = whole_seconds(now)
    currency = terms.currency or customer.currency or settings.CURRENCY
    offered = offer(
        session,
        customer_id=customer.id,
        plan=terms.plan,
        interval=terms.interval,
        currency=currency,
        quantity=terms.quantity,
        addons=terms.addons,
    )
    require_no_other(session, customer_id=customer.id, plan=offered.plan)
    trial_days = _trial_days(session, customer, offered, terms=terms, settings=settings)
    subscription = _row(customer, offered, terms=terms, currency=currency, trial_days=trial_days, at=at)
    session.add(subscription)
    session.flush()
    for item in offered.items:
        row = row_of(item, subscription_id=subscription.id)
        row.started_at = at
        session.add(row)
    if terms.coupon is not None:
        redeem(session, subscription, code=terms.coupon, at=at)
    collected = None
    if not trial_days:
        invoice = _first_invoice(
            session, subscription, offered.items, settings=settings, actor=actor, at=at, now=recorded_at
        )
        if subscription.status is SubscriptionStatus.INCOMPLETE:
            collected = collect(
                session,
                customer=customer,
                invoice=invoice,
                payment_method=terms.payment_method or default_payment_method(session, customer=customer),
                off_session=False,
                kind=OPERATION_KIND,
                resource_type="subscription",
                resource_id=public_id(SUBSCRIPTION_PREFIX, subscription.id),
                actor=actor,
                now=recorded_at,
                of_new_resource=True,
            )
    if subscription.status is not SubscriptionStatus.INCOMPLETE:
        owe_month(session, subscription, offered.version, at=at, now=recorded_at)
    after: dict[str, object] = {"plan": offered.plan.code, "status": str(subscription.status)}
    record(
        session,
        subscription,
        fact="subscription.created",
        before=dict.fromkeys(after),
        after=after,
        actor=actor,
        at=at,
        now=recorded_at,
    )
    return Created(subscription, collected)


def _row(
    customer: Customer,
    offered: Offer,
    *,
    terms: SubscriptionTerms,
    currency: str,
    trial_days: int,
    at: datetime,
) -> Subscription:
    trial = Period(at, at + timedelta(days=trial_days)) if trial_days else None
    cycle = cycle_from(trial.end if trial else at, interval=terms.interval, day=terms.billing_anchor_day)
    # Up to the anchor, where that was moved, it is a part of a period; else a whole one.
    period = trial or Period(at, cycle.period_at(at).end)
    return Subscription(
        id=new_id(),
        customer_id=customer.id,
        test_clock_id=customer.test_clock_id,
        status=SubscriptionStatus.TRIALING if trial else SubscriptionStatus.INCOMPLETE,
        plan_id=offered.plan.id,
        plan_version_id=offered.version.id,
        interval=terms.interval,
        currency=currency,
        anchor=cycle.anchor,
        anchor_day=cycle.day,
        current_period_start=period.start,
        current_period_end=period.end,
        trial_start=trial.start if trial else None,
        trial_end=trial.end if trial else None,
        collection=terms.collection,
        days_until_due=terms.days_until_due if terms.collection is Collection.SEND_INVOICE else 0,
        auto_renew=terms.auto_renew,
        payment_method_id=terms.payment_method,
        proration_granularity=str(terms.policy.granularity),
        proration_event_day=str(terms.policy.event_day),
        cancel_at_period_end=False,
        metadata_=terms.metadata,
        created_at=at,
        updated_at=at,
    )


def _first_invoice(
    session: Session,
    subscription: Subscription,
    items: Sequence[PricedItem],
    *,
    settings: Settings,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> Invoice:
    """Issue the first invoice. What nobody has to pay now begins at once."""
    coupons = coupons_of_each(session, subscription_ids=[subscription.id])
    reason = BillingReason.SUBSCRIPTION_CREATE
    draft = period_draft(subscription, items, Owed(coupon=coupons.get(subscription.id)), reason=reason, at=at)
    computed = compute_each(session, [draft], tax=flat_tax(settings.TAX_RATE))
    (invoice,) = (
        each.invoice for each in issue(session, computed, number_prefix=settings.INVOICE_PREFIX, actor=actor, now=now)
    )
    use_up(session, coupons, {subscription.id: invoice.id})
    subscription.latest_invoice_id = invoice.id
    if subscription.collection is Collection.SEND_INVOICE or not invoice.amount_due_minor:
        subscription.status = SubscriptionStatus.ACTIVE
    return invoice


def living_subscription(
    session: Session, *, customer_id: UUID, plan: Plan, but: UUID | None = None
) -> Row[UUID, SubscriptionStatus] | None:
    """Return id and status of the customer's living subscription to a plan, ours or one that Stripe bills.

    `but` is a mirrored one that is to end. The caller holds the customer's lock.
    """
    ours = select(Subscription.id, Subscription.status).where(
        Subscription.customer_id == customer_id, Subscription.plan_id == plan.id, Subscription.ended_at.is_(None)
    )
    mirrored = select(MirroredSubscription.id, MirroredSubscription.status).where(
        MirroredSubscription.customer_id == customer_id,
        MirroredSubscription.plan_id == plan.id,
        MirroredSubscription.ended_at.is_(None),
        MirroredSubscription.imported_as.is_(None),
        MirroredSubscription.id.is_distinct_from(but),
    )
    return session.execute(ours.union_all(mirrored).limit(1)).one_or_none()


def require_no_other(session: Session, *, customer_id: UUID, plan: Plan, but: UUID | None = None) -> None:
    """Raise AlreadySubscribed where the customer has the plan, from us or from Stripe."""
    present = living_subscription(session, customer_id=customer_id, plan=plan, but=but)
    if present is not None:
        public = public_id(SUBSCRIPTION_PREFIX, present.id)
        raise AlreadySubscribed(
            f"{public} is {present.status} and of the plan {plan.code}: change, pay or cancel that one",
            extensions={"subscription_id": public},
        )


def _trial_days(
    session: Session,
    customer: Customer,
    offered: Offer,
    *,
    terms: SubscriptionTerms,
    settings: Settings,
) -> int:
    """Return what was asked for, else the plan's trial for who never paid for one, here or at Stripe, nor tried one."""
    if terms.trial_days is not None:
        return terms.trial_days
    days = settings.TRIAL_PERIOD_DAYS if offered.version.trial_days is None else offered.version.trial_days
    is_free = all(item.terms.unit_amount == 0 for item in offered.items)
    if is_free or not days:
        return 0
    before = (
        select(Subscription.id)
        .join(SubscriptionItem, SubscriptionItem.subscription_id == Subscription.id)
        .join(Price, Price.id == SubscriptionItem.price_id)
        .where(Subscription.customer_id == customer.id, Price.unit_amount.is_distinct_from(0))
        .limit(1)
    )
    at_stripe = (
        select(MirroredSubscription.id)
        .where(
            MirroredSubscription.customer_id == customer.id,
            MirroredSubscription.status.not_in((SubscriptionStatus.INCOMPLETE, SubscriptionStatus.EXPIRED)),
            func.jsonb_path_exists(MirroredSubscription.items, cast(_PAID_ITEM, JSONPATH)),
        )
        .limit(1)
    )
    return 0 if session.scalar(before) is not None or session.scalar(at_stripe) is not None else days
