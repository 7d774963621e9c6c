"""Use case: import subscriptions. The present period was paid elsewhere: the first invoice of ours is that of the next one.

The present month's credits were given elsewhere, too; from the next month on they are granted here.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.business_time import business_now_of_each
from billing.catalog.find import PlanNotFound, PriceNotFound, current_version, find_plan, price_for
from billing.facts import record_fact
from billing.imports.outcome import Outcome, RowReport, refused
from billing.imports.table import Fault
from billing.subscriptions.allowance import month_at
from billing.subscriptions.cycle import Cycle, Period, cycle_from
from billing.subscriptions.find import represented
from billing.subscriptions.next_action import next_action
from billing.subscriptions.prefixes import SUBSCRIPTION_PREFIX
from billing.subscriptions.proration import Policy
from models.customer import Customer
from models.ids import new_id, public_id
from models.plan import Plan, PlanKind, PlanVersion
from models.price import Price, PriceInterval, TaxBehavior
from models.subscription import Collection as CollectedHow
from models.subscription import Subscription, SubscriptionItem, SubscriptionStatus


class SubscriptionRow(NamedTuple):
    """A subscription to import, in whole seconds. `trial_end` is that of a running trial, else None."""

    line: int
    external_id: str
    customer: str
    plan: str
    interval: PriceInterval
    quantity: int
    currency: str | None
    current_period_start: datetime
    billing_anchor_day: int | None
    trial_end: datetime | None
    collection: CollectedHow
    days_until_due: int
    payment_method: str | None
    auto_renew: bool
    metadata: dict[str, str]

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """What no other row of the file may have, by column."""
        return ("external_id", f"{self.customer}/{self.external_id}"), ("plan", f"{self.customer}/{self.plan}")


class RowRefused(Exception):
    """A row cannot be imported: its column, and why."""

    def __init__(self, column: str, detail: str) -> None:
        super().__init__(detail)
        self.fault = Fault(column, detail)


class _Terms(NamedTuple):
    plan: Plan
    version: PlanVersion
    prices: Sequence[Price]


def present_period(row: SubscriptionRow, *, at: datetime) -> tuple[Cycle, Period]:
    """Return the cycle and the present period, in which `at` lies. Raises RowRefused when it lies in another one.

    A trial's period ends with the trial, which is where the cycle begins; another one is a whole one.
    """
    if row.trial_end is not None:
        if row.trial_end <= at:
            raise RowRefused("trial_end", f"the trial was over on {row.trial_end:%Y-%m-%d}")
        if row.current_period_start > at:
            raise RowRefused("current_period_start", "the trial has not begun yet")
        return cycle_from(row.trial_end, interval=row.interval, day=row.billing_anchor_day), Period(
            row.current_period_start, row.trial_end
        )
    day = row.billing_anchor_day or row.current_period_start.day
    try:
        cycle = Cycle(row.current_period_start, day, row.interval)
    except ValueError:
        detail = f"a period that begins on {row.current_period_start:%Y-%m-%d} has not the anchor day {day}"
        raise RowRefused("billing_anchor_day", detail) from None
    period = cycle.period(0)
    if at < period.start:
        raise RowRefused("current_period_start", f"the period begins on {period.start:%Y-%m-%d}, which is to come")
    if at >= period.end:
        raise RowRefused(
            "current_period_start",
            f"the period was over on {period.end:%Y-%m-%d}: say when the present one began, which is paid for already",
        )
    return cycle, period


def import_subscriptions(
    session: Session, rows: Sequence[SubscriptionRow], *, currency: str, policy: Policy, actor: Actor, now: datetime
) -> list[RowReport]:
    """Add those of the subscriptions that were not imported before, and report each; `currency` is the service's default.

    Locks the customers. What a row does not say is as for `POST /subscriptions`; nothing is charged or invoiced.
    """
    owners = _lock_owners(session, rows)
    owner_ids = [owner.id for owner in owners.values()]
    times = business_now_of_each(session, customer_ids=owner_ids, now=now)
    present = list(session.scalars(select(Subscription).where(Subscription.customer_id.in_(owner_ids))))
    known = {(each.customer_id, each.external_id): each.id for each in present if each.external_id is not None}
    living = {(each.customer_id, each.plan_id) for each in present if each.ended_at is None}
    reports, added = [], list[Subscription]()
    for row in rows:
        owner = owners.get(row.customer)
        if owner is None:
            detail = f"no customer was imported as {row.customer!r}; import the customers first"
            reports.append(refused(row.line, row.external_id, Fault("customer", detail)))
            continue
        outcome, subscription_id = Outcome.EXISTS, known.get((owner.id, row.external_id))
        if subscription_id is None:
            try:
                terms = _terms(session, row, owner=owner, living=living, currency=currency)
                subscription = _subscription(row, terms, owner=owner, policy=policy, at=times[owner.id])
            except RowRefused as reason:
                reports.append(refused(row.line, row.external_id, reason.fault))
                continue
            session.add(subscription)
            session.flush()
            session.add_all(_items(subscription, terms.prices, quantity=row.quantity))
            living.add((owner.id, terms.plan.id))
            added.append(subscription)
            outcome, subscription_id = Outcome.CREATED, subscription.id
        public = public_id(SUBSCRIPTION_PREFIX, subscription_id)
        reports.append(RowReport(row.line, row.external_id, outcome, public))
    _record(session, added, actor=actor, now=now)
    return reports


def _lock_owners(session: Session, rows: Sequence[SubscriptionRow]) -> dict[str | None, Customer]:
    query = (
        select(Customer)
        .where(Customer.external_id.in_({row.customer for row in rows}), Customer.deleted_at.is_(None))
        .order_by(Customer.id)
        .with_for_update()
    )
    return {owner.external_id: owner for owner in session.scalars(query)}


def _terms(
    session: Session,
    row: SubscriptionRow,
    *,
    owner: Customer,
    living: Collection[tuple[UUID, UUID]],
    currency: str,
) -> _Terms:
    """Return what the plan costs the customer now. A plan that is not offered any more may be imported all the same.

    Raises RowRefused, also where the customer has a living subscription to the plan.
    """
    try:
        plan = find_plan(session, named=row.plan)
    except PlanNotFound as error:
        raise RowRefused("plan", error.detail) from None
    if plan.kind is not PlanKind.PLAN:
        raise RowRefused("plan", f"{plan.code} is an add-on, and no plan")
    if (owner.id, plan.id) in living:
        raise RowRefused("plan", f"the customer has a subscription to {plan.code} already")
    version = current_version(session, plan_id=plan.id)
    try:
        prices = price_for(
            session,
            version_id=version.id,
            interval=row.interval,
            currency=row.currency or owner.currency or currency,
            customer_id=owner.id,
        )
    except PriceNotFound as error:
        raise RowRefused("currency" if row.currency else "interval", error.detail) from None
    if any(price.tax_behavior is TaxBehavior.INCLUSIVE for price in prices):
        raise RowRefused("plan", f"a price of {plan.code} includes tax, which invoices cannot show yet")
    return _Terms(plan, version, prices)


def _subscription(
    row: SubscriptionRow, terms: _Terms, *, owner: Customer, policy: Policy, at: datetime
) -> Subscription:
    cycle, period = present_period(row, at=at)
    subscription = Subscription(
        id=new_id(),
        customer_id=owner.id,
        external_id=row.external_id,
        test_clock_id=owner.test_clock_id,
        status=SubscriptionStatus.ACTIVE if row.trial_end is None else SubscriptionStatus.TRIALING,
        plan_id=terms.plan.id,
        plan_version_id=terms.version.id,
        interval=row.interval,
        currency=terms.prices[0].currency,
        anchor=cycle.anchor,
        anchor_day=cycle.day,
        current_period_start=period.start,
        current_period_end=period.end,
        trial_start=period.start if row.trial_end else None,
        trial_end=row.trial_end,
        collection=row.collection,
        days_until_due=row.days_until_due if row.collection is CollectedHow.SEND_INVOICE else 0,
        auto_renew=row.auto_renew,
        payment_method_id=row.payment_method,
        proration_granularity=str(policy.granularity),
        proration_event_day=str(policy.event_day),
        cancel_at_period_end=False,
        metadata_=row.metadata,
        created_at=at.replace(microsecond=0),
        updated_at=at.replace(microsecond=0),
    )
    subscription.credited_until = min(month_at(subscription, at).end, period.end)
    due = next_action(subscription)
    subscription.next_action_at = due.at if due else None
    return subscription


def _items(subscription: Subscription, prices: Sequence[Price], *, quantity: int) -> list[SubscriptionItem]:
    return [
        SubscriptionItem(
            id=new_id(),
            subscription_id=subscription.id,
            price_id=price.id,
            quantity=quantity,
            started_at=subscription.current_period_start,
        )
        for price in prices
    ]


def _record(session: Session, added: Sequence[Subscription], *, actor: Actor, now: datetime) -> None:
    session.flush()
    for each, state in zip(added, represented(session, added), strict=True):
        after: dict[str, object] = {"plan": state["plan"], "status": state["status"], "external_id": each.external_id}
        record_fact(
            session,
            fact="subscription.created",
            object_type="subscription",
            state=state,
            customer_id=each.customer_id,
            before=dict.fromkeys(after),
            after=after,
            actor=actor,
            now=now,
        )
