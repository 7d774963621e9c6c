"""Use case: a paid one-line invoice for each purchase of credits, in the transaction that records its money.

What was paid is its total: a price of credits has no tax on top, and none is taken out of it. The invoice has no entry of its own
in the ledger. The money's entry has deferred all of it, and the use of the credits earns it: an entry of the invoice would earn
it a second time.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.actor import WORKER
from billing.business_time import business_time
from billing.decimals import in_main_unit
from billing.invoicing.draft import Draft, Line, compute
from billing.invoicing.issue import finalize, write_draft
from billing.invoicing.numbers import series_of
from billing.subscriptions.cycle import Period
from billing.tax.rule import flat_tax
from models.credits import CreditPurchase
from models.customer import Customer
from models.invoice import BillingReason, LineKind
from models.payment import Payment, PaymentPurpose, PaymentStatus
from models.subscription import Collection
from models.test_clock import TestClock

_UNTAXED = flat_tax(Decimal(0))


def invoice_purchases(session: Session, captured: Sequence[Payment], *, number_prefix: str, now: datetime) -> None:
    """Issue an invoice for each payment that was captured just now and pays for credits.

    The payments are locked by the caller; none has two invoices, because it names the one that it has. They come in the order of
    their customers, as the facts of a batch do. The series is locked last, and once for all of them.
    """
    paid = [
        payment
        for payment in captured
        if payment.purpose is PaymentPurpose.CREDITS
        and payment.status is PaymentStatus.SUCCEEDED
        and payment.invoice_id is None
    ]
    if not paid:
        return
    drafts = _drafts(session, paid, now=now)
    written = [write_draft(session, compute(draft, tax=_UNTAXED, balance_minor=0)) for draft in drafts]
    session.flush()
    for payment, parts in zip(paid, written, strict=True):
        payment.invoice_id = parts.invoice.id
        parts.invoice.amount_paid_minor = parts.invoice.amount_due_minor
    series = [series_of(draft.at.year, prefix=number_prefix, on_test_clock=draft.on_test_clock) for draft in drafts]
    finalize(session, written, series=series, at=[draft.at for draft in drafts], actor=WORKER, now=now)


def _drafts(session: Session, payments: Sequence[Payment], *, now: datetime) -> list[Draft]:
    query = (
        select(CreditPurchase, Customer.test_clock_id, business_time(now).label("at"))
        .join(Customer, Customer.id == CreditPurchase.customer_id)
        .outerjoin(TestClock, TestClock.id == Customer.test_clock_id)
        .where(CreditPurchase.id.in_([payment.id for payment in payments]))
    )
    found = {row.CreditPurchase.id: row for row in session.execute(query)}
    return [
        _draft(
            payment,
            found[payment.id].CreditPurchase,
            on_clock=found[payment.id].test_clock_id is not None,
            at=found[payment.id].at,
        )
        for payment in payments
    ]


def _draft(payment: Payment, purchase: CreditPurchase, *, on_clock: bool, at: datetime) -> Draft:
    line = Line(
        kind=LineKind.CREDIT_PACK,
        description=f"{purchase.credits} credits",
        quantity=purchase.credits,
        amount_minor=payment.amount_captured_minor,
        formula=in_main_unit(payment.amount_captured_minor, currency=payment.currency),
    )
    return Draft(
        customer_id=payment.customer_id,
        subscription_id=None,
        reason=BillingReason.CREDIT_PURCHASE,
        currency=payment.currency,
        period=Period(at, at),
        lines=[line],
        collection=Collection.AUTOMATIC,
        days_until_due=0,
        payment_method_id=payment.payment_method_id,
        on_test_clock=on_clock,
        at=at,
    )
