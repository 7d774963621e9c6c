"""Use case: issue invoices. A billing run issues hundreds together; each table is written once for all of them.

Each gets its number, its lines and taxes, its entry in the books, its part of the customer's balance and its event, all in the
caller's transaction. What nobody has to pay is paid at once.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.facts import record_fact
from billing.invoicing.balance import move_balance
from billing.invoicing.draft import Computed, Draft, Line, compute
from billing.invoicing.numbers import series_of, take_numbers
from billing.invoicing.postings import issued
from billing.invoicing.representation import invoice_representation
from billing.ledger.entry import Entry
from billing.ledger.post import post
from billing.tax.rule import TaxPart, TaxRule
from models.invoice import BillingReason, CustomerBalance, Invoice, InvoiceLine, InvoiceStatus, InvoiceTax


class Parts(NamedTuple):
    """An invoice with the rows that belong to it."""

    invoice: Invoice
    lines: Sequence[InvoiceLine]
    taxes: Sequence[InvoiceTax]


def compute_each(session: Session, drafts: Sequence[Draft], *, tax: TaxRule) -> list[Computed]:
    """Return what each draft comes to, with what its customer's balance pays. The caller holds the customers' locks."""
    query = select(CustomerBalance).where(CustomerBalance.customer_id.in_({draft.customer_id for draft in drafts}))
    left: dict[tuple[UUID, str], int] = defaultdict(int)
    for row in session.scalars(query, execution_options={"populate_existing": True}):
        left[row.customer_id, row.currency] = row.amount_minor
    computed = []
    for draft in drafts:
        found = compute(draft, tax=tax, balance_minor=left[draft.customer_id, draft.currency])
        left[draft.customer_id, draft.currency] -= found.totals.balance
        computed.append(found)
    return computed


def issue(
    session: Session, computed: Sequence[Computed], *, number_prefix: str, actor: Actor, now: datetime
) -> list[Parts]:
    """Write finalized invoices and return them; those with nothing to pay are paid.

    The caller holds the customers' locks: their balances are as they were computed. Each invoice is dated by its draft's `at`,
    which may be a test clock's; `now` is real time, for what is recorded.
    """
    if not computed:
        return []
    written = [write_draft(session, each) for each in computed]
    series = [
        series_of(each.draft.at.year, prefix=number_prefix, on_test_clock=each.draft.on_test_clock) for each in computed
    ]
    finalize(session, written, series=series, at=[each.draft.at for each in computed], actor=actor, now=now)
    return written


def write_draft(session: Session, computed: Computed) -> Parts:
    """Add an invoice that has no number yet. Nothing is taken from the customer's balance before it is finalized."""
    invoice, lines = _invoice(computed), line_rows(computed.draft)
    taxes = tax_rows(computed.taxes, invoice_id=invoice.id, currency=invoice.currency)
    session.add_all([invoice, *lines, *taxes])
    return Parts(invoice, lines, taxes)


def finalize(
    session: Session,
    drafts: Sequence[Parts],
    *,
    series: Sequence[str],
    at: Sequence[datetime],
    actor: Actor,
    now: datetime,
) -> None:
    """Give drafts their numbers, and enter them in the books; each in its series, and dated by its `at`.

    What customers' balances pay of them is taken from there: the caller holds the customers' locks, and has computed it.
    """
    for (invoice, _, _), issued_at in zip(drafts, at, strict=True):
        move_balance(
            session,
            customer_id=invoice.customer_id,
            currency=invoice.currency,
            amount=-invoice.balance_minor,
            at=issued_at,
        )
    for (invoice, _, _), number, issued_at in zip(drafts, take_numbers(session, series), at, strict=True):
        invoice.number, invoice.finalized_at, invoice.updated_at = number, issued_at, issued_at
        invoice.due_at = issued_at + timedelta(days=invoice.days_until_due)
        invoice.status = InvoiceStatus.OPEN
        if not invoice.remaining_minor:
            invoice.status, invoice.paid_at = InvoiceStatus.PAID, issued_at
    session.flush()
    post(session, [entry for draft in drafts for entry in _entries(draft.invoice)], now=now)
    for draft in drafts:
        state = invoice_representation(draft.invoice, lines=draft.lines, taxes=draft.taxes)
        facts = ["invoice.finalized"] + ["invoice.paid"] * (draft.invoice.status is InvoiceStatus.PAID)
        for fact in facts:
            record_fact(
                session,
                fact=fact,
                object_type="invoice",
                state=state,
                customer_id=draft.invoice.customer_id,
                before=None,
                after={"number": draft.invoice.number, "status": str(draft.invoice.status)},
                actor=actor,
                now=now,
            )


def _entries(invoice: Invoice) -> list[Entry]:
    if invoice.billing_reason is BillingReason.CREDIT_PURCHASE:
        return []  # its payment's entry has all of it (purchase_invoice.py)
    return issued(
        invoice.id,
        customer_id=invoice.customer_id,
        currency=invoice.currency,
        total=invoice.total_minor,
        tax=invoice.tax_minor,
        balance=invoice.balance_minor,
        at=invoice.finalized_at or invoice.created_at,
    )


def _invoice(computed: Computed) -> Invoice:
    draft, totals = computed.draft, computed.totals
    return Invoice(
        id=draft.id,
        customer_id=draft.customer_id,
        subscription_id=draft.subscription_id,
        status=InvoiceStatus.DRAFT,
        billing_reason=draft.reason,
        currency=draft.currency,
        period_start=draft.period.start,
        period_end=draft.period.end,
        subtotal_minor=totals.subtotal,
        discount_minor=totals.discount,
        tax_minor=totals.tax,
        total_minor=totals.total,
        balance_minor=totals.balance,
        amount_due_minor=totals.amount_due,
        amount_paid_minor=0,
        amount_credited_minor=0,
        credited_open_minor=0,
        collection=draft.collection,
        days_until_due=draft.days_until_due,
        payment_method_id=draft.payment_method_id,
        metadata_=draft.metadata,
        created_at=draft.at,
        updated_at=draft.at,
    )


def line_rows(draft: Draft) -> list[InvoiceLine]:
    """Return the lines of a draft as rows that are not added yet."""
    return [
        InvoiceLine(invoice_id=draft.id, position=position, **line_values(line, currency=draft.currency))
        for position, line in enumerate(draft.lines, start=1)
    ]


def line_values(line: Line, *, currency: str) -> dict[str, Any]:
    """Return what a row says of a line, whether it is an invoice's or waits for one."""
    return {
        "kind": line.kind,
        "description": line.description,
        "quantity": line.quantity,
        "currency": currency,
        "amount_minor": line.amount_minor,
        "discount_minor": line.discount_minor,
        "formula": line.formula,
        "period_start": line.period.start if line.period else None,
        "period_end": line.period.end if line.period else None,
        "price_id": line.price_id,
        "subscription_item_id": line.item_id,
        "share_parts": line.share.parts if line.share else None,
        "share_of": line.share.of if line.share else None,
    }


def tax_rows(taxes: Sequence[TaxPart], *, invoice_id: UUID, currency: str) -> list[InvoiceTax]:
    """Return the rows of an invoice's taxes."""
    return [
        InvoiceTax(
            invoice_id=invoice_id,
            position=position,
            name=part.name,
            rate=part.rate,
            currency=currency,
            taxable_minor=part.taxable_minor,
            amount_minor=part.amount_minor,
            reason=part.reason,
        )
        for position, part in enumerate(taxes, start=1)
    ]
