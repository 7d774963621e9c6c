"""Use case: issue what subscriptions owe for their periods, and collect it. Nobody waits for the answer."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from billing.actor import WORKER
from billing.invoicing.collect import collect, default_payment_methods
from billing.invoicing.draft import Draft
from billing.invoicing.issue import compute_each, issue
from billing.invoicing.pay import PAY_KIND
from billing.invoicing.prefixes import INVOICE_PREFIX
from billing.settings import Settings
from billing.tax.rule import flat_tax
from models.customer import Customer
from models.ids import public_id
from models.invoice import Invoice, InvoiceStatus
from models.subscription import Collection, Subscription


def bill(
    session: Session,
    drafts: Sequence[Draft],
    *,
    subscriptions: Mapping[UUID, Subscription],
    customers: Mapping[UUID, Customer],
    settings: Settings,
    now: datetime,
) -> dict[UUID, UUID]:
    """Issue the drafts, of which each subscription has one at most; return the invoice of each, by subscription.

    What is open and collected by itself gets its payment. The caller holds the locks of customers and subscriptions. `now` is
    real time.
    """
    methods = default_payment_methods(session, customer_ids=customers)
    computed = compute_each(session, drafts, tax=flat_tax(settings.TAX_RATE))
    issued = issue(session, computed, number_prefix=settings.INVOICE_PREFIX, actor=WORKER, now=now)
    invoice_of: dict[UUID, UUID] = {}
    for invoice, _, _ in issued:
        if invoice.subscription_id is not None:
            subscriptions[invoice.subscription_id].latest_invoice_id = invoice.id
            invoice_of[invoice.subscription_id] = invoice.id
        if invoice.status is InvoiceStatus.OPEN and invoice.collection is Collection.AUTOMATIC:
            method = invoice.payment_method_id or methods.get(invoice.customer_id)
            _collect(session, customers[invoice.customer_id], invoice, payment_method=method, now=now)
    return invoice_of


def _collect(
    session: Session, customer: Customer, invoice: Invoice, *, payment_method: str | None, now: datetime
) -> None:
    collect(
        session,
        customer=customer,
        invoice=invoice,
        payment_method=payment_method,
        off_session=True,
        kind=PAY_KIND,
        resource_type="invoice",
        resource_id=public_id(INVOICE_PREFIX, invoice.id),
        actor=WORKER,
        now=now,
        of_new_resource=True,
    )
