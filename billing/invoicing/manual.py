"""Use cases: an invoice by hand. A draft gets lines, and is finalized or deleted.

A draft shows what it would come to; it owes nothing, and takes nothing. Tax and the customer's balance are computed when it is
finalized, in the transaction that gives it its number, its place in the books, its event and what collects it.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.decimals import in_main_unit
from billing.errors import Conflict, FieldFault, Invalid
from billing.facts import record_fact
from billing.invoicing.collect import Collected, collect, default_payment_method
from billing.invoicing.draft import Draft, compute, reckon
from billing.invoicing.find import parts_of, represented
from billing.invoicing.issue import Parts, finalize, tax_rows, write_draft
from billing.invoicing.numbers import series_of
from billing.invoicing.pay import PAY_KIND
from billing.invoicing.prefixes import INVOICE_PREFIX
from billing.payments.chargeable import require_chargeable
from billing.subscriptions.cycle import Period
from billing.tax.rule import TaxRule
from models.customer import Customer
from models.ids import new_id, public_id
from models.invoice import BillingReason, CustomerBalance, Invoice, InvoiceLine, InvoiceStatus, LineKind
from models.subscription import Collection

LINES_MAX = 250
LINE_AMOUNT_MAX = 999_999_999_999


class InvoiceNotDraft(Conflict):
    """Only a draft can be changed, finalized or deleted."""

    code = "invoice_not_draft"


class InvoiceEmpty(Conflict):
    """A draft without lines cannot be finalized."""

    code = "invoice_empty"


class InvoiceBelowZero(Conflict):
    """The lines of a draft come to less than nothing; money is given back by a credit note."""

    code = "invoice_below_zero"


class TooManyLines(Conflict):
    """A draft has as many lines as an invoice can have."""

    code = "too_many_lines"


class LineTooLarge(Invalid):
    """The price of one times the quantity is more than a line can hold."""

    code = "line_too_large"


class DraftTerms(NamedTuple):
    """How a manual invoice is collected, and what the caller wrote on it."""

    currency: str
    collection: Collection
    days_until_due: int
    payment_method: str | None
    metadata: dict[str, str]


def create_draft(
    session: Session, *, customer: Customer, terms: DraftTerms, tax: TaxRule, actor: Actor, at: datetime, now: datetime
) -> Invoice:
    """Add an invoice without lines. `at` is business time, `now` real."""
    draft = Draft(
        id=new_id(),
        customer_id=customer.id,
        subscription_id=None,
        reason=BillingReason.MANUAL,
        currency=terms.currency,
        period=Period(at, at),
        lines=(),
        collection=terms.collection,
        days_until_due=terms.days_until_due if terms.collection is Collection.SEND_INVOICE else 0,
        payment_method_id=terms.payment_method,
        metadata=terms.metadata,
        on_test_clock=customer.test_clock_id is not None,
        at=at,
    )
    invoice = write_draft(session, compute(draft, tax=tax, balance_minor=0)).invoice
    session.flush()
    _record(session, invoice, fact="invoice.created", actor=actor, now=now)
    return invoice


def add_line(
    session: Session,
    *,
    invoice: Invoice,
    description: str,
    unit_amount: int,
    quantity: int,
    tax: TaxRule,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> None:
    """Add `quantity` of something that costs `unit_amount` minor units each, before tax; negative where it is a rebate.

    The caller holds the invoice's lock. Raises InvoiceNotDraft, TooManyLines, LineTooLarge.
    """
    _require_draft(invoice)
    (parts,) = parts_of(session, [invoice])
    if len(parts.lines) >= LINES_MAX:
        raise TooManyLines(f"the invoice has {len(parts.lines)} lines, which is as many as it can have")
    amount = unit_amount * quantity
    if abs(amount) > LINE_AMOUNT_MAX:
        detail = f"{quantity} times {unit_amount} is more than the {LINE_AMOUNT_MAX} that a line can hold"
        raise LineTooLarge(detail, errors=[FieldFault("/quantity", "too_large", detail)])
    each = in_main_unit(unit_amount, currency=invoice.currency)
    line = InvoiceLine(
        invoice_id=invoice.id,
        position=len(parts.lines) + 1,
        kind=LineKind.ONE_OFF,
        description=description,
        quantity=quantity,
        currency=invoice.currency,
        amount_minor=amount,
        discount_minor=0,
        formula=each if quantity == 1 else f"{quantity} × {each}",
    )
    session.add(line)
    _reckon(session, Parts(invoice, [*parts.lines, line], parts.taxes), tax=tax, balance_minor=0, at=at)
    _record(session, invoice, fact="invoice.updated", actor=actor, now=now)


def delete_draft(session: Session, *, invoice: Invoice, actor: Actor, now: datetime) -> None:
    """Delete a draft with its lines; it has no number that would be missed. The caller holds its lock.

    Raises InvoiceNotDraft.
    """
    _require_draft(invoice)
    _record(session, invoice, fact="invoice.deleted", actor=actor, now=now)
    (parts,) = parts_of(session, [invoice])
    for row in (*parts.taxes, *parts.lines):
        session.delete(row)
    session.flush()  # what names the invoice goes before it
    session.delete(invoice)


def finalize_draft(
    session: Session,
    *,
    customer: Customer,
    invoice: Invoice,
    number_prefix: str,
    tax: TaxRule,
    actor: Actor,
    at: datetime,
    now: datetime,
    off_session: bool = False,
) -> Collected | None:
    """Give a draft its tax, its part of the customer's balance and its number, and leave what collects it.

    None where nothing is to be charged: it is paid by the balance, comes to 0, or is to be sent. The caller holds the locks of
    customer and invoice. Raises InvoiceNotDraft, InvoiceEmpty, InvoiceBelowZero, AmountNotChargeable.
    """
    _require_draft(invoice)
    (parts,) = parts_of(session, [invoice])
    if not parts.lines:
        raise InvoiceEmpty("add a line first: POST /invoices/…/lines")
    balance = session.get(CustomerBalance, (customer.id, invoice.currency), populate_existing=True)
    parts = _reckon(session, parts, tax=tax, balance_minor=balance.amount_minor if balance is not None else 0, at=at)
    if invoice.total_minor < 0:
        raise InvoiceBelowZero(
            f"the lines come to {invoice.total_minor} {invoice.currency} minor units; give money back by a credit note"
        )
    is_charged = invoice.collection is Collection.AUTOMATIC and invoice.amount_due_minor > 0
    if is_charged:
        require_chargeable(amount_minor=invoice.amount_due_minor, currency=invoice.currency)
    series = series_of(at.year, prefix=number_prefix, on_test_clock=customer.test_clock_id is not None)
    finalize(session, [parts], series=[series], at=[at], actor=actor, now=now)
    if not is_charged:
        return None
    return collect(
        session,
        customer=customer,
        invoice=invoice,
        payment_method=invoice.payment_method_id or default_payment_method(session, customer=customer),
        off_session=off_session,
        kind=PAY_KIND,
        resource_type="invoice",
        resource_id=public_id(INVOICE_PREFIX, invoice.id),
        actor=actor,
        now=now,
    )


def _reckon(session: Session, parts: Parts, *, tax: TaxRule, balance_minor: int, at: datetime) -> Parts:
    """Compute the draft's taxes and totals anew from its lines, and write them."""
    invoice, lines = parts.invoice, parts.lines
    parted, totals = reckon(
        subtotal=sum(line.amount_minor for line in lines),
        discount=sum(line.discount_minor for line in lines),
        currency=invoice.currency,
        tax=tax,
        balance_minor=balance_minor,
    )
    invoice.subtotal_minor, invoice.discount_minor, invoice.tax_minor = totals.subtotal, totals.discount, totals.tax
    invoice.total_minor, invoice.balance_minor = totals.total, totals.balance
    invoice.amount_due_minor, invoice.updated_at = totals.amount_due, at
    for old in parts.taxes:
        session.delete(old)
    session.flush()  # before those that take their places
    taxes = tax_rows(parted, invoice_id=invoice.id, currency=invoice.currency)
    session.add_all(taxes)
    session.flush()
    return Parts(invoice, lines, taxes)


def _require_draft(invoice: Invoice) -> None:
    if invoice.status is not InvoiceStatus.DRAFT:
        raise InvoiceNotDraft(f"the invoice is {invoice.status}; what is finalized is taken back by a credit note")


def _record(session: Session, invoice: Invoice, *, fact: str, actor: Actor, now: datetime) -> None:
    (state,) = represented(session, [invoice])
    record_fact(
        session,
        fact=fact,
        object_type="invoice",
        state=state,
        customer_id=invoice.customer_id,
        before=None,
        after={"status": str(invoice.status), "total_amount": invoice.total_minor},
        actor=actor,
        now=now,
    )
