"""Use case: periods end. Each subscription goes on into its next period, with the invoice of that, or ends.

A billing run ends hundreds of periods together. A run that missed days takes the periods in their order, one for each call.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from billing.actor import WORKER
from billing.facts import record_fact
from billing.invoicing.draft import Draft
from billing.settings import Settings
from billing.subscriptions.allowance import owe_month
from billing.subscriptions.apply_change import switch
from billing.subscriptions.arrears import arrears_of_each, note_billed
from billing.subscriptions.bill import bill
from billing.subscriptions.coupon import coupons_of_each, use_up
from billing.subscriptions.create import living_subscription
from billing.subscriptions.credit_limit import note_limits
from billing.subscriptions.find import pending_changes, represented
from billing.subscriptions.items import items_of_each
from billing.subscriptions.kept_drafts import delete_kept, keep_drafts
from billing.subscriptions.next_action import next_action
from billing.subscriptions.pending_lines import pending_lines_of_each, take_pending_lines
from billing.subscriptions.period_draft import Owed, cycle_of, last_draft, period_draft
from billing.subscriptions.state import require_transition
from models.customer import Customer
from models.invoice import BillingReason
from models.plan import Plan, PlanVersion
from models.subscription import PauseBehavior, Subscription, SubscriptionStatus

_S = SubscriptionStatus


def end_periods(
    session: Session,
    subscriptions: Sequence[Subscription],
    *,
    customers: Mapping[UUID, Customer],
    settings: Settings,
    at: datetime,
    now: datetime,
) -> None:
    """End the present period of each, which is over at `at`, their business time. `now` is real time.

    The caller holds the locks of customers and subscriptions.
    """
    with session.no_autoflush:  # rows are written in one go, and none twice
        _end_periods(session, subscriptions, customers=customers, settings=settings, at=at, now=now)


def _end_periods(
    session: Session,
    subscriptions: Sequence[Subscription],
    *,
    customers: Mapping[UUID, Customer],
    settings: Settings,
    at: datetime,
    now: datetime,
) -> None:
    ending = [each for each in subscriptions if each.cancel_at_period_end or not each.auto_renew]
    for each in ending:
        require_transition(each.status, _S.CANCELED)
        each.status, each.ended_at, each.next_action_at = _S.CANCELED, each.current_period_end, None
        each.paused_at = each.resume_at = each.pause_behavior = None
    going_on = [each for each in subscriptions if each.status is not _S.CANCELED]
    facts = dict.fromkeys((each.id for each in ending), "subscription.canceled")
    facts |= {each.id: "subscription.trial_ended" for each in going_on if each.status is _S.TRIALING}
    delete_kept(session, subscription_ids=[each.id for each in ending], actor=WORKER, now=now)
    _let_changes_come(session, subscriptions, at=at)
    _bill(session, going_on, ending, customers=customers, settings=settings, at=at, now=now)
    for each in going_on:
        if each.status is not _S.PAUSED:
            version = session.get_one(PlanVersion, each.plan_version_id)
            owe_month(session, each, version, at=each.current_period_start, now=now)
    for each in subscriptions:
        due = next_action(each)
        each.next_action_at = due.at if due else None
        each.updated_at = at
    note_limits(session, subscriptions, now=now)
    for each, state in zip(subscriptions, represented(session, subscriptions), strict=True):
        record_fact(
            session,
            fact=facts.get(each.id, "subscription.renewed"),
            object_type="subscription",
            state=state,
            customer_id=each.customer_id,
            before=None,
            after={"status": state["status"], "current_period_end": state["current_period_end"]},
            actor=WORKER,
            now=now,
        )


def bill_last(
    session: Session,
    *,
    customer: Customer,
    subscription: Subscription,
    settings: Settings,
    at: datetime,
    now: datetime,
) -> None:
    """Bill what one that was canceled at once still owes: lines that waited, and what was used until `at`.

    The caller holds the locks of customer and subscription.
    """
    customers = {customer.id: customer}
    _bill(session, [], [subscription], customers=customers, until=at, settings=settings, at=at, now=now)


def _bill(
    session: Session,
    going_on: Sequence[Subscription],
    ending: Sequence[Subscription],
    *,
    customers: Mapping[UUID, Customer],
    settings: Settings,
    at: datetime,
    now: datetime,
    until: datetime | None = None,
) -> None:
    """Bring those that go on into their next periods, and bill what each owes; while one is paused, nothing, or drafts."""
    subscriptions = {each.id: each for each in (*going_on, *ending)}
    billed = [each for each in subscriptions.values() if each.status is not _S.PAUSED]
    items = items_of_each(session, subscription_ids=[each.id for each in going_on])
    waiting = pending_lines_of_each(session, subscription_ids=subscriptions)
    coupons = coupons_of_each(session, subscription_ids=subscriptions)
    late = timedelta(hours=settings.USAGE_LATE_HOURS)
    arrears = arrears_of_each(session, billed, until=until, late=late, at=at)
    owed = {each.id: Owed(waiting[each.id], arrears[each.id].lines, coupons.get(each.id)) for each in billed}
    kept: list[Draft] = []
    drafts = [last_draft(each, owed[each.id], at=at) for each in ending]
    for each in going_on:
        _begin_next(each)
        held = owed.get(each.id, Owed(coupon=coupons.get(each.id)))
        draft = period_draft(each, items[each.id], held, reason=BillingReason.SUBSCRIPTION_CYCLE, at=at)
        if each.id in owed:
            drafts.append(draft)
        elif each.pause_behavior is PauseBehavior.KEEP_AS_DRAFT:
            kept.append(draft)
    keep_drafts(session, kept, settings=settings, now=now)
    invoice_of = bill(
        session,
        [draft for draft in drafts if draft],
        subscriptions=subscriptions,
        customers=customers,
        settings=settings,
        now=now,
    )
    use_up(session, coupons, invoice_of)
    take_pending_lines(session, {each: invoice_of[each] for each in invoice_of if waiting[each]})
    note_billed(session, arrears, invoice_of)


def _let_changes_come(session: Session, subscriptions: Sequence[Subscription], *, at: datetime) -> None:
    """Switch what was to change with the period's end. What ends, or would be a second one of its plan, does not change."""
    changes = pending_changes(session, subscription_ids=[each.id for each in subscriptions])
    for each in subscriptions:
        change = changes.get(each.id)
        if change is None:
            continue
        plan = session.get_one(Plan, change.plan_id)
        if each.status is _S.CANCELED:
            change.withdrawn_at, change.withdrawn_reason = at, "the subscription ended"
        elif plan.id != each.plan_id and living_subscription(session, customer_id=each.customer_id, plan=plan):
            change.withdrawn_at, change.withdrawn_reason = at, f"the customer has the plan {plan.code} already"
        else:
            switch(session, each, change, at=at)
    session.flush()


def _begin_next(subscription: Subscription) -> None:
    start = subscription.current_period_end
    subscription.current_period_start = start
    subscription.current_period_end = cycle_of(subscription).period_at(start).end
    if subscription.status is _S.TRIALING:
        subscription.status = _S.ACTIVE
