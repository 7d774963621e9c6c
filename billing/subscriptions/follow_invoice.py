"""Use case: what a subscription becomes when its invoice is paid, and when a payment of it fails."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.dunning.case import count_failure, end_case, open_case_of
from billing.subscriptions.allowance import owe_month
from billing.subscriptions.apply_change import apply_now, withdraw
from billing.subscriptions.move import move
from models.customer import Customer
from models.dunning import DunningStatus
from models.invoice import BillingReason, Invoice, InvoiceStatus
from models.payment import Payment, PaymentStatus
from models.plan import PlanVersion
from models.subscription import Subscription, SubscriptionChange, SubscriptionStatus, UnpaidChange

_S = SubscriptionStatus
# An invoice of these is what a subscription is served for; of another, such as a manual one, it does not depend.
_OF_A_PERIOD = (BillingReason.SUBSCRIPTION_CREATE, BillingReason.SUBSCRIPTION_CYCLE, BillingReason.SUBSCRIPTION_UPDATE)


def invoice_paid(
    session: Session,
    *,
    invoice: Invoice,
    subscription: Subscription | None,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> None:
    """Begin what waited for the invoice, or end what its failure began. Subscription and invoice are locked by the caller."""
    case = open_case_of(session, invoice=invoice)
    if case is not None:
        reason = f"the invoice was paid after {case.failures} failed attempts"
        end_case(session, case, status=DunningStatus.RECOVERED, reason=reason, actor=actor, at=at, now=now)
    if subscription is None:
        return
    if subscription.status is _S.INCOMPLETE and subscription.latest_invoice_id == invoice.id:
        version = session.get_one(PlanVersion, subscription.plan_version_id)
        owe_month(session, subscription, version, at=subscription.current_period_start, now=now)
        move(session, subscription, to=_S.ACTIVE, fact="subscription.activated", actor=actor, at=at, now=now)
    change = _paid_for(session, invoice)
    if change is not None:
        apply_now(session, subscription, change, actor=actor, at=at, now=now)
    elif subscription.status is _S.PAST_DUE and not _owes_another(session, subscription, invoice):
        subscription.past_due_since = None
        move(session, subscription, to=_S.ACTIVE, fact="subscription.recovered", actor=actor, at=at, now=now)


def payment_failed(
    session: Session,
    *,
    invoice: Invoice,
    subscription: Subscription | None,
    payment: Payment,
    customer: Customer,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> None:
    """Open the invoice's dunning case, or count another failure; the subscription is past due from the first one on.

    A first invoice has no case: until it is paid there is no subscription; nor has that of a change, which is withdrawn or waits
    (`when_unpaid`). Customer, subscription and invoice are locked by the caller.
    """
    if subscription is not None and subscription.status in {_S.INCOMPLETE, _S.EXPIRED, _S.CANCELED}:
        return
    change = _paid_for(session, invoice)
    if subscription is not None and change is not None:
        # Who has to confirm the payment is given the time for it.
        if change.when_unpaid is UnpaidChange.ROLLBACK and payment.status is not PaymentStatus.REQUIRES_ACTION:
            reason = f"its payment failed: {payment.decline_code or payment.status}"
            withdraw(session, customer=customer, subscription=subscription, reason=reason, actor=actor, at=at, now=now)
        return
    case = count_failure(
        session,
        invoice=invoice,
        payment=payment,
        actor=actor,
        at=at,
        now=now,
    )
    if case is None or subscription is None or invoice.billing_reason not in _OF_A_PERIOD:
        return
    if subscription.status is _S.ACTIVE:
        subscription.past_due_since = at
        move(session, subscription, to=_S.PAST_DUE, fact="subscription.past_due", actor=actor, at=at, now=now)


def invoice_given_up(
    session: Session, *, customer: Customer, invoice: Invoice, actor: Actor, at: datetime, now: datetime
) -> None:
    """Withdraw the change that waited for an invoice which a person has voided or marked uncollectible.

    The caller holds the locks of customer, subscription and invoice.
    """
    change = _paid_for(session, invoice)
    if change is not None:
        subscription = session.get_one(Subscription, change.subscription_id)
        reason = f"its invoice is {invoice.status}"
        withdraw(session, customer=customer, subscription=subscription, reason=reason, actor=actor, at=at, now=now)


def _paid_for(session: Session, invoice: Invoice) -> SubscriptionChange | None:
    """Return the change that waits for the invoice to be paid."""
    query = select(SubscriptionChange).where(
        SubscriptionChange.invoice_id == invoice.id,
        SubscriptionChange.applied_at.is_(None),
        SubscriptionChange.withdrawn_at.is_(None),
    )
    return session.scalar(query)


def _owes_another(session: Session, subscription: Subscription, invoice: Invoice) -> bool:
    query = select(Invoice.id).where(
        Invoice.subscription_id == subscription.id,
        Invoice.id != invoice.id,
        Invoice.status == InvoiceStatus.OPEN,
        Invoice.billing_reason.in_(_OF_A_PERIOD),
        Invoice.due_at <= invoice.paid_at,
    )
    return session.scalar(query.limit(1)) is not None
