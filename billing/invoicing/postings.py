"""Rule: what an invoice and its credit notes are in the books.

Issued: debit receivable, credit revenue and tax payable; what the customer's balance pays of it moves from there at once. An
invoice below zero is the same the other way round, and what it leaves is the customer's balance.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from billing.invoicing.prefixes import CREDIT_NOTE_PREFIX, INVOICE_PREFIX
from billing.ledger.entry import Entry, Posting
from models.ids import public_id
from models.ledger import CUSTOMER_ACCOUNTS, Account, EntryKind

ISSUED_KEY = "invoice-issued"
VOIDED_KEY = "invoice-voided"
WRITTEN_OFF_KEY = "invoice-written-off"
RECOVERED_KEY = "invoice-recovered"
CREDITED_KEY = "credit-note-issued"
REFUND_FAILED_KEY = "credit-note-refund-failed"
OVERPAID_KEY = "payment-overpaid"


def issued(
    invoice_id: UUID, *, customer_id: UUID, currency: str, total: int, tax: int, balance: int, at: datetime
) -> list[Entry]:
    """Return the entry of a finalized invoice, in minor units; none where all of it is 0.

    Total 11880 with tax 1980, of which a balance of 880 pays: debit receivable 11000 and customer_balance 880, credit revenue
    9900 and tax_payable 1980.
    """
    return _entry(
        f"{ISSUED_KEY}-{invoice_id}",
        EntryKind.INVOICE_ISSUED,
        public_id(INVOICE_PREFIX, invoice_id),
        customer_id=customer_id,
        currency=currency,
        amounts=_amounts(total=total, tax=tax, balance=balance),
        at=at,
    )


def voided(
    invoice_id: UUID, *, customer_id: UUID, currency: str, total: int, tax: int, balance: int, at: datetime
) -> list[Entry]:
    """Return the entry that takes an issued invoice back: each line of it the other way round."""
    taken_back = {account: -amount for account, amount in _amounts(total=total, tax=tax, balance=balance).items()}
    return _entry(
        f"{VOIDED_KEY}-{invoice_id}",
        EntryKind.INVOICE_VOIDED,
        public_id(INVOICE_PREFIX, invoice_id),
        customer_id=customer_id,
        currency=currency,
        amounts=taken_back,
        at=at,
    )


def written_off(invoice_id: UUID, *, customer_id: UUID, currency: str, amount: int, at: datetime) -> list[Entry]:
    """Return the entry of an invoice that nobody will pay: debit bad_debt, credit receivable what is left of it."""
    return _entry(
        f"{WRITTEN_OFF_KEY}-{invoice_id}",
        EntryKind.INVOICE_WRITTEN_OFF,
        public_id(INVOICE_PREFIX, invoice_id),
        customer_id=customer_id,
        currency=currency,
        amounts={Account.BAD_DEBT: amount, Account.RECEIVABLE: -amount},
        at=at,
    )


def recovered(invoice_id: UUID, *, customer_id: UUID, currency: str, amount: int, at: datetime) -> list[Entry]:
    """Return the entry that takes a write-off back, because the invoice was paid after all."""
    return _entry(
        f"{RECOVERED_KEY}-{invoice_id}",
        EntryKind.INVOICE_WRITTEN_OFF,
        public_id(INVOICE_PREFIX, invoice_id),
        customer_id=customer_id,
        currency=currency,
        amounts={Account.RECEIVABLE: amount, Account.BAD_DEBT: -amount},
        at=at,
    )


def credited(
    note_id: UUID,
    *,
    customer_id: UUID,
    currency: str,
    net: int,
    tax: int,
    uses: Mapping[Account, int],
    at: datetime,
) -> list[Entry]:
    """Return the entry of a credit note: debit revenue and tax payable, credit where its money goes.

    `uses` are receivable (bad_debt of an invoice that was given up) for what was open, customer_balance, and refunds for what
    the payment gives back: the refund's own entry debits that account again. A note of 1200 with tax 200 on a paid invoice:
    debit revenue 1000 and tax_payable 200, credit customer_balance 1200.
    """
    return _entry(
        f"{CREDITED_KEY}-{note_id}",
        EntryKind.CREDIT_NOTE_ISSUED,
        public_id(CREDIT_NOTE_PREFIX, note_id),
        customer_id=customer_id,
        currency=currency,
        amounts={Account.REVENUE: net, Account.TAX_PAYABLE: tax} | {use: -amount for use, amount in uses.items()},
        at=at,
    )


def refund_failed(note_id: UUID, *, customer_id: UUID, currency: str, amount: int, at: datetime) -> list[Entry]:
    """Return the entry of a credit note whose refund failed for good: debit refunds, credit customer_balance."""
    return _entry(
        f"{REFUND_FAILED_KEY}-{note_id}",
        EntryKind.CREDIT_NOTE_REFUND_FAILED,
        public_id(CREDIT_NOTE_PREFIX, note_id),
        customer_id=customer_id,
        currency=currency,
        amounts={Account.REFUNDS: amount, Account.CUSTOMER_BALANCE: -amount},
        at=at,
    )


def overpaid(
    payment_id: UUID, invoice_id: UUID, *, customer_id: UUID, currency: str, amount: int, at: datetime
) -> list[Entry]:
    """Return the entry of money that an invoice did not want any more: debit receivable, credit customer_balance."""
    return _entry(
        f"{OVERPAID_KEY}-{payment_id}",
        EntryKind.PAYMENT_OVERPAID,
        public_id(INVOICE_PREFIX, invoice_id),
        customer_id=customer_id,
        currency=currency,
        amounts={Account.RECEIVABLE: amount, Account.CUSTOMER_BALANCE: -amount},
        at=at,
    )


def _amounts(*, total: int, tax: int, balance: int) -> dict[Account, int]:
    return {
        Account.RECEIVABLE: total - balance,
        Account.CUSTOMER_BALANCE: balance,
        Account.REVENUE: tax - total,
        Account.TAX_PAYABLE: -tax,
    }


def _entry(
    key: str,
    kind: EntryKind,
    reference: str,
    *,
    customer_id: UUID,
    currency: str,
    amounts: dict[Account, int],
    at: datetime,
) -> list[Entry]:
    postings = tuple(
        Posting(
            account=account,
            asset=currency,
            amount=amount,
            customer_id=customer_id if account in CUSTOMER_ACCOUNTS else None,
        )
        for account, amount in amounts.items()
        if amount
    )
    if not postings:
        return []
    return [Entry(key=key, kind=kind, occurred_at=at, customer_id=customer_id, reference=reference, postings=postings)]
