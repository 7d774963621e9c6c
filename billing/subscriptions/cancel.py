"""Use cases: end a subscription at its period's end or at once, and take the end back."""

from datetime import datetime

from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.errors import Conflict
from billing.invoicing.find import lock_invoice
from billing.invoicing.void import void
from billing.settings import Settings
from billing.subscriptions.apply_change import withdraw
from billing.subscriptions.kept_drafts import delete_kept, finalize_kept
from billing.subscriptions.move import move, record
from billing.subscriptions.state import FINAL, SubscriptionTransitionRefused, require_transition
from models.customer import Customer
from models.invoice import InvoiceStatus
from models.subscription import PauseBehavior, Subscription, SubscriptionStatus


class NothingToWithdraw(Conflict):
    """The subscription is neither paused nor about to end."""

    code = "nothing_to_withdraw"


def cancel(
    session: Session,
    *,
    customer: Customer,
    subscription: Subscription,
    at_once: bool,
    reason: str | None,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> None:
    """End the subscription; at once, or when what is paid for is used up. Customer and subscription are locked by the caller.

    One that is not paid yet always ends at once, and with it its invoice. Raises SubscriptionTransitionRefused.
    """
    if subscription.status in FINAL:
        raise SubscriptionTransitionRefused(f"the subscription is {subscription.status} already")
    reason_of_change = "the subscription was canceled"
    withdraw(
        session, customer=customer, subscription=subscription, reason=reason_of_change, actor=actor, at=at, now=now
    )
    subscription.cancel_requested_at = at
    subscription.cancel_reason = reason
    if subscription.status is SubscriptionStatus.INCOMPLETE or at_once:
        if subscription.status is SubscriptionStatus.INCOMPLETE:
            void_first_invoice(session, customer=customer, subscription=subscription, actor=actor, at=at, now=now)
        delete_kept(session, subscription_ids=[subscription.id], actor=actor, now=now)
        _unpause(subscription)
        move(
            session,
            subscription,
            to=SubscriptionStatus.CANCELED,
            fact="subscription.canceled",
            actor=actor,
            at=at,
            now=now,
        )
        return
    before = subscription.cancel_at_period_end
    subscription.cancel_at_period_end = True
    record(
        session,
        subscription,
        fact="subscription.changed",
        before={"cancel_at_period_end": before},
        after={"cancel_at_period_end": True},
        actor=actor,
        at=at,
        now=now,
    )


def resume(
    session: Session,
    *,
    customer: Customer,
    subscription: Subscription,
    settings: Settings,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> None:
    """Take a pause, or an end that has not come yet, back. The caller holds the locks of customer and subscription.

    Raises NothingToWithdraw.
    """
    if subscription.status is SubscriptionStatus.PAUSED:
        end_pause(session, customer, subscription, settings=settings, actor=actor, at=at, now=now)
    elif subscription.cancel_at_period_end and subscription.status not in FINAL:
        subscription.cancel_at_period_end = False
        subscription.cancel_requested_at = subscription.cancel_reason = None
        record(
            session,
            subscription,
            fact="subscription.changed",
            before={"cancel_at_period_end": True},
            after={"cancel_at_period_end": False},
            actor=actor,
            at=at,
            now=now,
        )
    else:
        raise NothingToWithdraw(f"the subscription is {subscription.status}, and is not about to end")


def pause(
    session: Session,
    *,
    subscription: Subscription,
    until: datetime | None,
    behavior: PauseBehavior,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> None:
    """Stop service and billing until `until`, or until somebody resumes it. Its periods go on; none is billed meanwhile.

    With `keep_as_draft` they are billed when the pause ends; until then their invoices are drafts.

    The caller holds the subscription's lock. Raises SubscriptionTransitionRefused.
    """
    require_transition(subscription.status, SubscriptionStatus.PAUSED)
    subscription.paused_at, subscription.resume_at, subscription.pause_behavior = at, until, behavior
    move(session, subscription, to=SubscriptionStatus.PAUSED, fact="subscription.paused", actor=actor, at=at, now=now)


def end_pause(
    session: Session,
    customer: Customer,
    subscription: Subscription,
    *,
    settings: Settings,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> None:
    """Bring a paused subscription back: what is left of its present period is a present, the next one is billed.

    Invoices that the pause has kept as drafts are finalized and collected instead.
    """
    finalize_kept(session, customer=customer, subscription=subscription, settings=settings, actor=actor, at=at, now=now)
    _unpause(subscription)
    trialing = subscription.trial_end is not None and at < subscription.trial_end
    back = SubscriptionStatus.TRIALING if trialing else SubscriptionStatus.ACTIVE
    move(session, subscription, to=back, fact="subscription.resumed", actor=actor, at=at, now=now)


def void_first_invoice(
    session: Session, *, customer: Customer, subscription: Subscription, actor: Actor, at: datetime, now: datetime
) -> None:
    """Void the invoice that a subscription waited for."""
    if subscription.latest_invoice_id is None:
        return
    invoice = lock_invoice(session, invoice_id=subscription.latest_invoice_id)
    if invoice.status is InvoiceStatus.OPEN:
        void(session, customer=customer, invoice=invoice, actor=actor, at=at, now=now)


def _unpause(subscription: Subscription) -> None:
    subscription.paused_at = subscription.resume_at = subscription.pause_behavior = None
