"""Use cases: a change that was waiting comes, or is withdrawn."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.invoicing.find import lock_invoice
from billing.invoicing.void import void
from billing.subscriptions.allowance import owe_difference, running_month
from billing.subscriptions.cycle import Cycle, cycle_from
from billing.subscriptions.find import pending_changes, represented
from billing.subscriptions.move import record
from billing.subscriptions.period_draft import cycle_of
from models.customer import Customer
from models.invoice import InvoiceStatus
from models.plan import Plan, PlanVersion
from models.subscription import Subscription, SubscriptionChange, SubscriptionItem


def switch(session: Session, subscription: Subscription, change: SubscriptionChange, *, at: datetime) -> None:
    """Give a locked subscription the plan and items of a change, and where that restarts them, its periods."""
    begins = change.changes_at
    session.execute(update(SubscriptionItem).where(SubscriptionItem.id.in_(change.ends)).values(ended_at=begins))
    session.execute(update(SubscriptionItem).where(SubscriptionItem.change_id == change.id).values(started_at=begins))
    cycle = cycle_after(subscription, change)
    subscription.anchor, subscription.anchor_day, subscription.interval = cycle.anchor, cycle.day, cycle.interval
    if change.restarts_period:
        subscription.current_period_start = begins
        subscription.current_period_end = cycle.period_at(begins).end
    subscription.plan_id, subscription.plan_version_id = change.plan_id, change.plan_version_id
    subscription.change_expires_at = None
    change.applied_at = at
    session.flush()


def cycle_after(subscription: Subscription, change: SubscriptionChange) -> Cycle:
    """Return the periods that a change leaves: the same, unless the interval or the anchor is another."""
    if change.interval is subscription.interval and change.anchor_day is None:
        return cycle_of(subscription)
    start = change.changes_at if change.restarts_period else subscription.current_period_end
    return cycle_from(start, interval=change.interval, day=change.anchor_day)


def apply_now(
    session: Session,
    subscription: Subscription,
    change: SubscriptionChange,
    *,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> None:
    """Let a change come, with the credits of a better plan. The caller holds the locks of customer and subscription."""
    before, month = _shown(session, subscription), running_month(subscription)
    switch(session, subscription, change, at=at)
    if month is not None:
        version = session.get_one(PlanVersion, change.plan_version_id)
        owe_difference(session, subscription, version, month=month, policy=change.upgrade_credits, at=at, now=now)
    record(
        session,
        subscription,
        fact="subscription.changed",
        before=before,
        after=_shown(session, subscription),
        actor=actor,
        at=at,
        now=now,
    )


def withdraw(
    session: Session,
    *,
    customer: Customer,
    subscription: Subscription,
    reason: str,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> None:
    """Withdraw the change that a subscription waits for, if there is one; an invoice that was to pay for it is voided.

    The caller holds the locks of customer and subscription.
    """
    change = pending_changes(session, subscription_ids=[subscription.id]).get(subscription.id)
    if change is None:
        return
    change.withdrawn_at, change.withdrawn_reason = at, reason
    subscription.change_expires_at = None
    session.flush()
    if change.invoice_id is not None:
        invoice = lock_invoice(session, invoice_id=change.invoice_id)
        if invoice.status is InvoiceStatus.OPEN:
            void(session, customer=customer, invoice=invoice, actor=actor, at=at, now=now)
    record(
        session,
        subscription,
        fact="subscription.change_withdrawn",
        before={"pending_change": session.get_one(Plan, change.plan_id).code},
        after={"pending_change": None, "reason": reason},
        actor=actor,
        at=at,
        now=now,
    )


def _shown(session: Session, subscription: Subscription) -> dict[str, object]:
    (state,) = represented(session, [subscription])
    return {name: state[name] for name in ("plan", "interval", "items", "current_period_end")}
