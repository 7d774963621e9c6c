"""Use case: take a part of a finalized invoice back, under a number of its own.

Its money goes one way after the other: first it takes off what is still open; what was paid goes to the customer's balance, or
back to the payment where that is asked for, and never more by a way than was paid by it. An invoice of which nothing is left to
pay is paid. Number, lines, books, balance, event and the refund's operation are written in the caller's transaction.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing import operations
from billing.actor import Actor
from billing.dunning.case import end_case, open_case_of
from billing.errors import Conflict
from billing.facts import record_fact
from billing.invoicing.balance import move_balance
from billing.invoicing.collect import payment_of
from billing.invoicing.credit_note_find import Creditable, creditable, represented
from billing.invoicing.credit_note_parts import CreditNoteTooLarge, CreditWish, Parted, part
from billing.invoicing.credit_split import Shares, taxable_of
from billing.invoicing.find import parts_of
from billing.invoicing.issue import Parts
from billing.invoicing.numbers import credit_note_series_of, take_numbers
from billing.invoicing.paid import mark_paid
from billing.invoicing.postings import credited
from billing.invoicing.prefixes import CREDIT_NOTE_PREFIX, INVOICE_PREFIX
from billing.ledger.post import post
from billing.payments.lifecycle import CONFIRMABLE, FINAL
from billing.payments.outcome import lock_payment
from billing.payments.refund import reserve_refund
from billing.payments.representation import REFUND_PREFIX
from billing.payments.requests import request_cancellation
from models.credit_note import CreditNote, CreditNoteLine, CreditNoteTax
from models.customer import Customer
from models.dunning import DunningStatus
from models.ids import new_id, public_id
from models.invoice import BillingReason, Invoice, InvoiceStatus
from models.ledger import Account
from models.operation import Operation
from models.payment import Payment, PaymentStatus
from models.refund import Refund
from models.subscription import Subscription

REFUND_KIND = "credit_note.refund"
_CREDITABLE = frozenset({InvoiceStatus.OPEN, InvoiceStatus.PAID, InvoiceStatus.UNCOLLECTIBLE})


class InvoiceNotCreditable(Conflict):
    """The invoice is a draft, void, or of a purchase of credits, whose payment is refunded instead."""

    code = "invoice_not_creditable"


class InvoicePaymentUnderWay(Conflict):
    """The invoice is being paid at this moment, so that what is open of it cannot be made less."""

    code = "invoice_payment_under_way"


class GiveBack(StrEnum):
    """Where the part of a credit note goes that was paid: to the customer's balance, or back to the payment."""

    CREDIT = "credit"
    REFUND = "refund"


class Uses(NamedTuple):
    """Where the money of a credit note goes, in minor units."""

    open: int
    balance: int
    refund: int


class Credited(NamedTuple):
    """A credit note, and the operation that makes its refund, where it has one."""

    note: CreditNote
    operation: Operation | None


def credit(
    session: Session,
    *,
    customer: Customer,
    invoice: Invoice,
    wish: CreditWish,
    give_back: GiveBack,
    reason: str | None,
    metadata: dict[str, str],
    number_prefix: str,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> Credited:
    """Write a credit note of an open, paid or uncollectible invoice. `at` is business time, `now` real.

    The caller holds the locks of customer, subscription and invoice. The payment is locked here, and the series last.
    Raises InvoiceNotCreditable, CreditNoteTooLarge, LineNotCreditable, InvoicePaymentUnderWay, OperationUnderWay.
    """
    _require_creditable(invoice)
    (parts,) = parts_of(session, [invoice])
    room = creditable(session, parts)
    parted = part(parts, room, wish)
    payment = _locked_payment(session, invoice)
    asked = "/lines" if wish.amount_minor is None else "/amount"
    uses = _uses(session, invoice, payment, total=parted.shares.total, give_back=give_back, asked=asked)
    if uses.open:
        _let_go_of(session, invoice, payment, actor=actor, now=now)
    refund = None
    if uses.refund and payment is not None:
        refund = reserve_refund(
            session, payment=payment, amount_minor=uses.refund, reason="requested_by_customer", actor=actor, now=now
        )
    series = credit_note_series_of(at.year, prefix=number_prefix, on_test_clock=customer.test_clock_id is not None)
    note = _note_row(
        invoice,
        parted.shares,
        uses,
        number=take_numbers(session, [series])[0],
        refund=refund,
        reason=reason,
        metadata=metadata,
        at=at,
    )
    session.add(note)
    session.flush()
    session.add_all([*_line_rows(note, parts, parted), *_tax_rows(note, parts, room, parted)])
    _book(session, note, invoice, at=at, now=now)
    session.flush()
    (state,) = represented(session, [note])
    record_fact(
        session,
        fact="credit_note.created",
        object_type="credit_note",
        state=state,
        customer_id=customer.id,
        before=None,
        after={"number": note.number, "invoice_id": state["invoice_id"], "total_amount": note.total_minor},
        actor=actor,
        now=now,
    )
    if invoice.status is not InvoiceStatus.PAID and not invoice.remaining_minor:
        _close(session, invoice, actor=actor, at=at, now=now)
    operation = _refund_operation(session, note, refund, actor=actor, now=now) if refund is not None else None
    return Credited(note, operation)


def kept_of(session: Session, invoice: Invoice, payment: Payment | None) -> int:
    """Return what we still have of what was paid of an invoice, by its payment and from the customer's balance.

    What was refunded without a credit note, and what a dispute holds, is the customer's already: it is not given twice.
    """
    to_balance = session.scalars(
        select(func.coalesce(func.sum(CreditNote.balance_minor), 0)).where(CreditNote.invoice_id == invoice.id)
    ).one()
    return max(invoice.balance_minor, 0) + _kept_by_payment(invoice, payment) - int(to_balance)


def _kept_by_payment(invoice: Invoice, payment: Payment | None) -> int:
    if payment is None or payment.status is not PaymentStatus.SUCCEEDED:
        return 0
    gone = payment.amount_refunded_minor + payment.amount_disputed_minor
    return max(invoice.amount_paid_minor - gone, 0)


def _require_creditable(invoice: Invoice) -> None:
    if invoice.billing_reason is BillingReason.CREDIT_PURCHASE:
        raise InvoiceNotCreditable(
            "an invoice of purchased credits is taken back by a refund of its payment: POST /payments/refund"
        )
    if invoice.status not in _CREDITABLE:
        hint = "delete or change it instead" if invoice.status is InvoiceStatus.DRAFT else "nothing is owed under it"
        raise InvoiceNotCreditable(f"an invoice that is {invoice.status} takes no credit note; {hint}")


def _locked_payment(session: Session, invoice: Invoice) -> Payment | None:
    payment = payment_of(session, invoice=invoice)
    return lock_payment(session, payment_id=payment.id) if payment is not None else None


def _uses(
    session: Session, invoice: Invoice, payment: Payment | None, *, total: int, give_back: GiveBack, asked: str
) -> Uses:
    open_ = min(total, invoice.remaining_minor)
    rest, kept = total - open_, kept_of(session, invoice, payment)
    if rest > kept:
        raise CreditNoteTooLarge.at(
            asked,
            f"{total} {invoice.currency} minor units are to be taken back: {open_} of them are not paid, and of what was paid "
            f"only {kept} are still here; the rest was refunded, is disputed, or is the customer's balance already",
        )
    refund = min(rest, _kept_by_payment(invoice, payment)) if give_back is GiveBack.REFUND else 0
    return Uses(open_, rest - refund, refund)


def _let_go_of(session: Session, invoice: Invoice, payment: Payment | None, *, actor: Actor, now: datetime) -> None:
    """Give up a payment of more than will be open; the next attempt makes one of what is left."""
    if payment is None or payment.status in FINAL:
        return
    public = public_id(INVOICE_PREFIX, invoice.id)
    under_way = select(Operation.id).where(
        Operation.resource_type == "invoice", Operation.resource_id == public, Operation.finished_at.is_(None)
    )
    if payment.status not in CONFIRMABLE or session.scalar(under_way.limit(1)) is not None:
        raise InvoicePaymentUnderWay(
            f"the invoice's payment is {payment.status}, and its outcome is on the way; try again when it is known"
        )
    request_cancellation(session, payment=payment, actor=actor, now=now)


def _note_row(
    invoice: Invoice,
    shares: Shares,
    uses: Uses,
    *,
    number: str,
    refund: Refund | None,
    reason: str | None,
    metadata: dict[str, str],
    at: datetime,
) -> CreditNote:
    return CreditNote(
        id=new_id(),
        invoice_id=invoice.id,
        customer_id=invoice.customer_id,
        number=number,
        currency=invoice.currency,
        subtotal_minor=shares.net,
        tax_minor=sum(shares.taxes),
        total_minor=shares.total,
        open_minor=uses.open,
        balance_minor=uses.balance,
        refund_minor=uses.refund,
        refund_id=refund.id if refund is not None else None,
        reason=reason,
        metadata_=metadata,
        created_at=at,
    )


def _line_rows(note: CreditNote, parts: Parts, parted: Parted) -> list[CreditNoteLine]:
    lines = [
        (line, amount, formula)
        for line, amount, formula in zip(parts.lines, parted.shares.lines, parted.formulas, strict=True)
        if amount
    ]
    return [
        CreditNoteLine(
            credit_note_id=note.id,
            position=position,
            invoice_id=note.invoice_id,
            line_position=line.position,
            description=line.description,
            currency=note.currency,
            amount_minor=amount,
            formula=formula,
        )
        for position, (line, amount, formula) in enumerate(lines, start=1)
    ]


def _tax_rows(note: CreditNote, parts: Parts, room: Creditable, parted: Parted) -> list[CreditNoteTax]:
    before = room.whole.net - room.left.net
    rows = [
        CreditNoteTax(
            credit_note_id=note.id,
            position=tax.position,
            name=tax.name,
            rate=tax.rate,
            currency=note.currency,
            taxable_minor=taxable_of(tax.taxable_minor, whole=room.whole.net, before=before, net=parted.shares.net),
            amount_minor=amount,
        )
        for tax, amount in zip(parts.taxes, parted.shares.taxes, strict=True)
    ]
    return [row for row in rows if row.amount_minor or row.taxable_minor]


def _book(session: Session, note: CreditNote, invoice: Invoice, *, at: datetime, now: datetime) -> None:
    """Enter the note in the books, in the invoice's counts and in the customer's balance."""
    given_up = invoice.status is InvoiceStatus.UNCOLLECTIBLE
    uses: Mapping[Account, int] = {
        Account.BAD_DEBT if given_up else Account.RECEIVABLE: note.open_minor,
        Account.CUSTOMER_BALANCE: note.balance_minor,
        Account.REFUNDS: note.refund_minor,
    }
    invoice.amount_credited_minor += note.total_minor
    invoice.credited_open_minor += note.open_minor
    invoice.updated_at = at
    move_balance(session, customer_id=note.customer_id, currency=note.currency, amount=note.balance_minor, at=at)
    entries = credited(
        note.id,
        customer_id=note.customer_id,
        currency=note.currency,
        net=note.subtotal_minor,
        tax=note.tax_minor,
        uses=uses,
        at=at,
    )
    post(session, entries, now=now)


def _close(session: Session, invoice: Invoice, *, actor: Actor, at: datetime, now: datetime) -> None:
    case = open_case_of(session, invoice=invoice)
    if case is not None:
        reason = "a credit note took back what was open"
        end_case(session, case, status=DunningStatus.CLOSED, reason=reason, actor=actor, at=at, now=now)
        session.flush()
    subscription = session.get_one(Subscription, invoice.subscription_id) if invoice.subscription_id else None
    mark_paid(session, invoice=invoice, subscription=subscription, actor=actor, at=at, now=now)


def _refund_operation(session: Session, note: CreditNote, refund: Refund, *, actor: Actor, now: datetime) -> Operation:
    return operations.enqueue(
        session,
        kind=REFUND_KIND,
        customer_id=note.customer_id,
        resource_type="credit_note",
        resource_id=public_id(CREDIT_NOTE_PREFIX, note.id),
        params={"refund_id": public_id(REFUND_PREFIX, refund.id)},
        actor=actor,
        now=now,
        of_new_resource=True,
    )
