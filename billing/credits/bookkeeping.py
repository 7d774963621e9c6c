"""Rule: what an entry of the credits' journal is in the ledger.

Credits that are granted come from `credits_issued`; what uses them up moves them on. An unlimited account has no grants to take
from: what it uses is issued at that moment, so that it is counted, and the books balance.
"""

from collections.abc import Callable, Sequence

from billing.credits.journal import Entry
from billing.credits.prefixes import TRANSACTION_PREFIX
from billing.ledger.entry import Entry as LedgerEntry
from billing.ledger.entry import Posting
from models.credits import GrantKind, TransactionType
from models.ids import public_id
from models.ledger import CREDITS, CUSTOMER_ACCOUNTS, Account, EntryKind

Lines = list[tuple[Account, int]]


def ledger_entry(entry: Entry, *, money: Sequence[Posting]) -> LedgerEntry:
    """Return the balanced entry of an operation; it has the operation's id.

    `money` is what the operation earns, or gives back, of the price of purchased credits (deferred_revenue.py).
    """
    kind, lines = _RULES[entry.type]
    if any(grant.kind is GrantKind.PURCHASE for grant in entry.grants):
        kind = EntryKind.CREDITS_PURCHASED
    return LedgerEntry(
        id=entry.id,
        key=f"credit-transaction-{entry.id}",
        kind=kind,
        occurred_at=entry.at,
        customer_id=entry.customer_id,
        reference=public_id(TRANSACTION_PREFIX, entry.id),
        postings=(
            *(
                Posting(
                    account=account,
                    asset=CREDITS,
                    amount=amount,
                    customer_id=entry.customer_id if account in CUSTOMER_ACCOUNTS else None,
                )
                for account, amount in lines(entry)
                if amount
            ),
            *money,
        ),
    )


def _granted(entry: Entry) -> Lines:
    return [
        (Account.CREDITS_ISSUED, entry.amount),
        (Account.CUSTOMER_CREDITS, entry.debt_paid - entry.amount),
        (Account.CUSTOMER_CREDIT_DEBT, -entry.debt_paid),
    ]


def _revoked(entry: Entry) -> Lines:
    return [
        (Account.CUSTOMER_CREDITS, entry.amount - entry.owed),
        (Account.CUSTOMER_CREDIT_DEBT, entry.owed),
        (Account.CREDITS_REVOKED, -entry.amount),
    ]


def _deducted(entry: Entry) -> Lines:
    source = Account.CUSTOMER_CREDITS if entry.paid else Account.CREDITS_ISSUED
    return [
        (source, entry.amount - entry.owed),
        (Account.CUSTOMER_CREDIT_DEBT, entry.owed),
        (Account.CREDITS_SPENT, -entry.amount),
    ]


def _held(entry: Entry) -> Lines:
    source = Account.CUSTOMER_CREDITS if entry.changes else Account.CREDITS_ISSUED
    return [(source, entry.amount), (Account.CUSTOMER_CREDITS_HELD, -entry.amount)]


def _captured(entry: Entry) -> Lines:
    source = Account.CUSTOMER_CREDITS if entry.paid else Account.CREDITS_ISSUED
    return [
        (Account.CUSTOMER_CREDITS_HELD, entry.amount + entry.returned),
        (Account.CREDITS_SPENT, -entry.amount),
        (source, -entry.returned),
    ]


def _given_back(entry: Entry) -> Lines:
    source = Account.CUSTOMER_CREDITS if entry.changes else Account.CREDITS_ISSUED
    return [(Account.CUSTOMER_CREDITS_HELD, entry.amount), (source, -entry.amount)]


def _expired(entry: Entry) -> Lines:
    return [(Account.CUSTOMER_CREDITS, entry.amount), (Account.CREDITS_EXPIRED, -entry.amount)]


def _sent(entry: Entry) -> Lines:
    return [(Account.CUSTOMER_CREDITS_HELD, entry.amount), (Account.CREDITS_IN_TRANSFER, -entry.amount)]


def _received(entry: Entry) -> Lines:
    return [
        (Account.CREDITS_IN_TRANSFER, entry.amount),
        (Account.CUSTOMER_CREDITS, entry.debt_paid - entry.amount),
        (Account.CUSTOMER_CREDIT_DEBT, -entry.debt_paid),
    ]


_T = TransactionType
_RULES: dict[TransactionType, tuple[EntryKind, Callable[[Entry], Lines]]] = {
    _T.GRANT: (EntryKind.CREDITS_GRANTED, _granted),
    _T.REVOKE: (EntryKind.CREDITS_REVOKED, _revoked),
    _T.DEDUCT: (EntryKind.CREDITS_DEDUCTED, _deducted),
    _T.HOLD: (EntryKind.CREDITS_HELD, _held),
    _T.CAPTURE: (EntryKind.CREDITS_CAPTURED, _captured),
    _T.RELEASE: (EntryKind.CREDITS_RELEASED, _given_back),
    _T.HOLD_EXPIRED: (EntryKind.CREDITS_RELEASED, _given_back),
    _T.GRANT_EXPIRED: (EntryKind.CREDITS_EXPIRED, _expired),
    _T.TRANSFER_HOLD: (EntryKind.CREDITS_HELD, _held),
    _T.TRANSFER_OUT: (EntryKind.CREDITS_TRANSFERRED, _sent),
    _T.TRANSFER_REFUSED: (EntryKind.CREDITS_RELEASED, _given_back),
    _T.TRANSFER_IN: (EntryKind.CREDITS_TRANSFERRED, _received),
}
