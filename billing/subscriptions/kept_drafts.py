"""Use cases: the invoices of a pause that is to be paid for afterwards (`keep_as_draft`): drafts, until it ends."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.actor import WORKER, Actor
from billing.facts import record_fact
from billing.invoicing.draft import Draft, compute
from billing.invoicing.find import represented
from billing.invoicing.issue import write_draft
from billing.invoicing.manual import delete_draft, finalize_draft
from billing.settings import Settings
from billing.tax.rule import flat_tax
from models.customer import Customer
from models.invoice import BillingReason, Invoice, InvoiceStatus
from models.subscription import Subscription


def keep_drafts(session: Session, drafts: Sequence[Draft], *, settings: Settings, now: datetime) -> None:
    """Write the invoices of periods that have begun in a pause, without numbers; nothing is owed for them yet."""
    tax = flat_tax(settings.TAX_RATE)
    kept = [write_draft(session, compute(draft, tax=tax, balance_minor=0)).invoice for draft in drafts]
    if not kept:
        return
    session.flush()
    for invoice, state in zip(kept, represented(session, kept), strict=True):
        record_fact(
            session,
            fact="invoice.created",
            object_type="invoice",
            state=state,
            customer_id=invoice.customer_id,
            before=None,
            after={"status": str(invoice.status), "total_amount": invoice.total_minor},
            actor=WORKER,
            now=now,
        )


def finalize_kept(
    session: Session,
    *,
    customer: Customer,
    subscription: Subscription,
    settings: Settings,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> None:
    """Finalize what a pause has kept, in the order of its periods, and collect it.

    The caller holds the locks of customer and subscription.
    """
    for invoice in _kept(session, [subscription.id]):
        finalize_draft(
            session,
            customer=customer,
            invoice=invoice,
            number_prefix=settings.INVOICE_PREFIX,
            tax=flat_tax(settings.TAX_RATE),
            off_session=True,
            actor=actor,
            at=at,
            now=now,
        )
        subscription.latest_invoice_id = invoice.id


def delete_kept(session: Session, *, subscription_ids: Collection[UUID], actor: Actor, now: datetime) -> None:
    """Delete what pauses have kept: the subscriptions have ended in them. The caller holds the subscriptions' locks."""
    for invoice in _kept(session, subscription_ids):
        delete_draft(session, invoice=invoice, actor=actor, now=now)


def _kept(session: Session, subscription_ids: Collection[UUID]) -> Sequence[Invoice]:
    query = (
        select(Invoice)
        .where(
            Invoice.subscription_id.in_(subscription_ids),
            Invoice.status == InvoiceStatus.DRAFT,
            Invoice.billing_reason == BillingReason.SUBSCRIPTION_CYCLE,
        )
        .order_by(Invoice.subscription_id, Invoice.period_start)
        .with_for_update()
    )
    return session.scalars(query).all()
