"""The ledger: double entry, immutable, balanced, keyed. Triggers refuse what does not balance and any later change.

An asset is `credits` or a currency. Amounts are signed integers of the asset's smallest unit: a debit is positive, a credit is
negative, and within an entry they add up to zero for each asset.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TextEnum, one_of
from models.ids import new_id

CREDITS = "credits"
# A range of pages is summarized when it is full, not at the next vacuum: until then each question has to read it.
_BRIN = {"autosummarize": "on"}


class Side(StrEnum):
    """On which side an account grows."""

    DEBIT = "debit"
    CREDIT = "credit"


class Account(StrEnum):
    """The chart of accounts. Those from `credits_issued` on hold credits, the others money; never both."""

    GATEWAY_CLEARING = "gateway_clearing"
    GATEWAY_FEES = "gateway_fees"
    RECEIVABLE = "receivable"
    BAD_DEBT = "bad_debt"
    REVENUE = "revenue"
    REFUNDS = "refunds"
    DISPUTES = "disputes"
    TAX_PAYABLE = "tax_payable"
    CUSTOMER_BALANCE = "customer_balance"
    DEFERRED_REVENUE = "deferred_revenue"
    BREAKAGE_REVENUE = "breakage_revenue"
    CREDITS_ISSUED = "credits_issued"
    CUSTOMER_CREDITS = "customer_credits"
    CUSTOMER_CREDITS_HELD = "customer_credits_held"
    CREDITS_SPENT = "credits_spent"
    CREDITS_EXPIRED = "credits_expired"
    CREDITS_IN_TRANSFER = "credits_in_transfer"
    CREDITS_REVOKED = "credits_revoked"
    CUSTOMER_CREDIT_DEBT = "customer_credit_debt"


_A = Account
CREDIT_ACCOUNTS = (
    _A.CREDITS_ISSUED,
    _A.CUSTOMER_CREDITS,
    _A.CUSTOMER_CREDITS_HELD,
    _A.CREDITS_SPENT,
    _A.CREDITS_EXPIRED,
    _A.CREDITS_IN_TRANSFER,
    _A.CREDITS_REVOKED,
    _A.CUSTOMER_CREDIT_DEBT,
)
# Each posting to one of these says whose it is: the account is the sum of its customers' sub-accounts.
CUSTOMER_ACCOUNTS = (
    _A.RECEIVABLE,
    _A.CUSTOMER_BALANCE,
    _A.DEFERRED_REVENUE,
    _A.CUSTOMER_CREDITS,
    _A.CUSTOMER_CREDITS_HELD,
    _A.CUSTOMER_CREDIT_DEBT,
)
_DEBIT_ACCOUNTS = frozenset(
    {
        _A.GATEWAY_CLEARING,
        _A.GATEWAY_FEES,
        _A.RECEIVABLE,
        _A.BAD_DEBT,
        _A.REFUNDS,
        _A.DISPUTES,
        _A.CREDITS_ISSUED,
        _A.CUSTOMER_CREDIT_DEBT,
    }
)


def normal_side(account: Account) -> Side:
    """Return on which side the account grows: assets and expenses on the debit side, the others on the credit side."""
    return Side.DEBIT if account in _DEBIT_ACCOUNTS else Side.CREDIT


class EntryKind(StrEnum):
    """What an entry is the entry of: of money, and of credits with the revenue that their use earns."""

    PAYMENT_CAPTURED = "payment_captured"
    REFUND_PAID = "refund_paid"
    REFUND_RETURNED = "refund_returned"
    DISPUTE_WITHDRAWN = "dispute_withdrawn"
    DISPUTE_REINSTATED = "dispute_reinstated"
    GATEWAY_FEE = "gateway_fee"
    INVOICE_ISSUED = "invoice_issued"
    INVOICE_VOIDED = "invoice_voided"
    INVOICE_WRITTEN_OFF = "invoice_written_off"
    CREDIT_NOTE_ISSUED = "credit_note_issued"
    CREDIT_NOTE_REFUND_FAILED = "credit_note_refund_failed"
    PAYMENT_OVERPAID = "payment_overpaid"
    CREDITS_GRANTED = "credits_granted"
    CREDITS_PURCHASED = "credits_purchased"
    CREDITS_DEDUCTED = "credits_deducted"
    CREDITS_HELD = "credits_held"
    CREDITS_CAPTURED = "credits_captured"
    CREDITS_RELEASED = "credits_released"
    CREDITS_TRANSFERRED = "credits_transferred"
    CREDITS_EXPIRED = "credits_expired"
    CREDITS_REVOKED = "credits_revoked"


def _listed(accounts: tuple[Account, ...]) -> str:
    return ", ".join(f"'{account}'" for account in accounts)


class LedgerEntry(Base):
    """One fact in the books. `key` is made from the committed fact, so that the fact is posted once.

    `occurred_at` is business time, `recorded_at` the time of posting. `lines` is how many postings the entry has: at commit
    there are exactly as many, and from then on one more is one too many. `reference` is the public id of what it is about.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (
        one_of("kind", EntryKind),
        CheckConstraint("lines >= 2", name="lines_at_least_two"),
        # Lists are paged by id, which sorts by time.
        Index("ix_ledger_entries_customer", "customer_id", "id", postgresql_where=text("customer_id IS NOT NULL")),
        Index("ix_ledger_entries_reference", "reference", "id", postgresql_where=text("reference IS NOT NULL")),
        # Rows lie nearly in the order of time, so that a few bytes for each range of pages find a period.
        Index("ix_ledger_entries_occurred", "occurred_at", postgresql_using="brin", postgresql_with=_BRIN),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    # In byte order: it compares faster, and one fact's keys are a range of the index.
    key: Mapped[str] = mapped_column(Text(collation="C"), unique=True)
    kind: Mapped[EntryKind] = mapped_column(TextEnum(EntryKind))
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    customer_id: Mapped[UUID | None] = mapped_column(ForeignKey("customers.id"))
    reference: Mapped[str | None]
    lines: Mapped[int] = mapped_column(SmallInteger())


class LedgerPosting(Base):
    """One line of an entry. `recorded_in` is the database transaction that wrote it, by which roll-ups know what is settled."""

    __tablename__ = "ledger_postings"
    __table_args__ = (
        one_of("account", Account),
        CheckConstraint("line > 0", name="line_positive"),
        CheckConstraint("amount <> 0", name="amount_not_zero"),
        CheckConstraint("asset = 'credits' OR asset ~ '^[A-Z]{3}$'", name="asset_known"),
        CheckConstraint(f"(asset = 'credits') = (account IN ({_listed(CREDIT_ACCOUNTS)}))", name="account_holds_asset"),
        CheckConstraint(
            f"customer_id IS NOT NULL OR account NOT IN ({_listed(CUSTOMER_ACCOUNTS)})", name="customer_named"
        ),
        Index("ix_ledger_postings_account", "account", "asset", "entry_id"),
        Index(
            "ix_ledger_postings_customer",
            "customer_id",
            "account",
            "asset",
            postgresql_where=text("customer_id IS NOT NULL"),
        ),
        # Rows lie in the order in which they were written, so that the tail behind the roll-up is the last ranges.
        Index("ix_ledger_postings_recorded", "recorded_in", postgresql_using="brin", postgresql_with=_BRIN),
    )

    entry_id: Mapped[UUID] = mapped_column(ForeignKey("ledger_entries.id"), primary_key=True)
    line: Mapped[int] = mapped_column(SmallInteger(), primary_key=True, autoincrement=False)
    account: Mapped[Account] = mapped_column(TextEnum(Account))
    asset: Mapped[str]
    customer_id: Mapped[UUID | None]
    amount: Mapped[int]
    recorded_in: Mapped[int] = mapped_column(server_default=text("(pg_current_xact_id()::text)::bigint"))


class LedgerTotal(Base):
    """What an account was debited and credited with by all database transactions before `up_to`; the same in every row."""

    __tablename__ = "ledger_totals"
    __table_args__ = (CheckConstraint("debit >= 0 AND credit >= 0", name="sums_not_negative"),)

    account: Mapped[Account] = mapped_column(TextEnum(Account), primary_key=True)
    asset: Mapped[str] = mapped_column(primary_key=True)
    debit: Mapped[int]
    credit: Mapped[int]
    up_to: Mapped[int]
