"""What callers see of the ledger."""

from collections.abc import Sequence

from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.ledger.balances import AccountBalance
from billing.timestamps import iso
from models.ids import public_id
from models.ledger import LedgerEntry, LedgerPosting, normal_side

PREFIX = "led"


def entry_representation(entry: LedgerEntry, *, postings: Sequence[LedgerPosting]) -> dict[str, object]:
    """Return the entry with its postings as JSON-like data."""
    return {
        "id": public_id(PREFIX, entry.id),
        "key": entry.key,
        "kind": str(entry.kind),
        "occurred_at": iso(entry.occurred_at),
        "recorded_at": iso(entry.recorded_at),
        "customer_id": public_id(CUSTOMER_PREFIX, entry.customer_id) if entry.customer_id is not None else None,
        "reference": entry.reference,
        "postings": [posting_representation(posting) for posting in postings],
    }


def posting_representation(posting: LedgerPosting) -> dict[str, object]:
    """Return the line with its amount on its side; one of `debit` and `credit` is 0."""
    return {
        "account": str(posting.account),
        "asset": posting.asset,
        "customer_id": public_id(CUSTOMER_PREFIX, posting.customer_id) if posting.customer_id is not None else None,
        "debit": max(posting.amount, 0),
        "credit": max(-posting.amount, 0),
    }


def balance_representation(balance: AccountBalance) -> dict[str, object]:
    """Return the account with its sums; `balance` is positive on its normal side."""
    return {
        "account": str(balance.account),
        "asset": balance.asset,
        "side": str(normal_side(balance.account)),
        "balance": balance.balance,
        "debit": balance.debit,
        "credit": balance.credit,
    }
