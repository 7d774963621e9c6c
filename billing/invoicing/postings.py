"""Rule: what an invoice is in the books.

Issued: debit receivable, credit revenue and tax payable; what the customer's balance pays of it moves from there at once. An
invoice below zero is the same the other way round, and what it leaves is the customer's balance.
"""

from datetime import datetime
from uuid import UUID

from billing.invoicing.prefixes import INVOICE_PREFIX
from billing.ledger.entry import Entry, Posting
from models.ids import public_id
from models.ledger import CUSTOMER_ACCOUNTS, Account, EntryKind

ISSUED_KEY = "invoice-issued"
VOIDED_KEY = "invoice-voided"
WRITTEN_OFF_KEY = "invoice-written-off"
RECOVERED_KEY = "invoice-recovered"


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
        invoice_id,
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
        invoice_id,
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
        invoice_id,
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
        invoice_id,
        customer_id=customer_id,
        currency=currency,
        amounts={Account.RECEIVABLE: amount, Account.BAD_DEBT: -amount},
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
    invoice_id: UUID,
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
    reference = public_id(INVOICE_PREFIX, invoice_id)
    return [Entry(key=key, kind=kind, occurred_at=at, customer_id=customer_id, reference=reference, postings=postings)]
