"""What the journal of the credits has brought: accounts, grants, holds and transactions; and how far each shard's is drained.

Accounts, grants and holds are what the transactions add up to. They are written in the transactions' own commit, so that a
lost memory is rebuilt from them in seconds; `billing credits verify` adds up again.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CHAR, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TextEnum, is_currency, one_of

# What is new at the table's end is found soon, too, not only after the next vacuum.
_BRIN = {"autosummarize": "on"}


class GrantKind(StrEnum):
    """Where credits come from."""

    ALLOWANCE = "allowance"
    PURCHASE = "purchase"
    PROMOTION = "promotion"
    TRANSFER = "transfer"
    ADJUSTMENT = "adjustment"


class TransactionType(StrEnum):
    """What an entry of the journal says."""

    GRANT = "grant"
    REVOKE = "revoke"
    DEDUCT = "deduct"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    HOLD_EXPIRED = "hold_expired"
    GRANT_EXPIRED = "grant_expired"
    TRANSFER_HOLD = "transfer_hold"
    TRANSFER_OUT = "transfer_out"
    TRANSFER_IN = "transfer_in"
    TRANSFER_REFUSED = "transfer_refused"
    LIMIT_CHANGED = "limit_changed"


class HoldStatus(StrEnum):
    """`captured` once any of it was taken."""

    ACTIVE = "active"
    CAPTURED = "captured"
    RELEASED = "released"
    EXPIRED = "expired"


class PurchaseStep(StrEnum):
    """What changed of a purchase's payment, so that credits have to be given or taken back."""

    PAID = "paid"
    REFUNDED = "refunded"
    DISPUTED = "disputed"


class CreditAccount(Base):
    """One customer's account after its newest drained transaction, whose number is `seq`."""

    __tablename__ = "credit_accounts"
    __table_args__ = (
        CheckConstraint("balance >= 0 AND held >= 0 AND debt >= 0", name="nothing_below_zero"),
        CheckConstraint("seq >= 0", name="seq_not_negative"),
        CheckConstraint("shard BETWEEN 0 AND 63", name="shard_known"),
        Index("ix_credit_accounts_shard", "shard"),
    )

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    shard: Mapped[int]
    seq: Mapped[int]
    balance: Mapped[int]
    held: Mapped[int]
    debt: Mapped[int]
    unlimited: Mapped[bool] = mapped_column(default=False, server_default=text("false"))


class CreditGrant(Base):
    """Credits that came together, and what is left of them. `expires_at` is None for what stays.

    `origin` is the grant that they were a part of before they were transferred, or before they were taken back; None for what
    is new. It is the first of all, however often they were sent on. That of purchased credits has the purchase's id.
    """

    __tablename__ = "credit_grants"
    __table_args__ = (
        one_of("kind", GrantKind),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("remaining BETWEEN 0 AND amount", name="remaining_within_amount"),
        Index("ix_credit_grants_customer_id", "customer_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    kind: Mapped[GrantKind] = mapped_column(TextEnum(GrantKind))
    amount: Mapped[int]
    remaining: Mapped[int]
    priority: Mapped[int]
    expires_at: Mapped[datetime | None]
    reference: Mapped[str | None]
    origin: Mapped[UUID | None]
    created_at: Mapped[datetime]


class CreditPurchase(Base):
    """Credits that are paid for by the payment of the same id, and of the grant of that id.

    `granted`, `refunded` and `disputed` say how many credits were given for it and taken back again; the next change is
    committed as `pending_…` before it is made, under `pending_id`. `released` is how many of the credits are gone for good
    (used, expired, taken back): that part of the price is no longer deferred revenue. `automatic`: a top-up made it.
    """

    __tablename__ = "credit_purchases"
    __table_args__ = (
        is_currency(),
        one_of("pending_step", PurchaseStep),
        CheckConstraint("credits > 0 AND price_minor > 0", name="something_for_something"),
        CheckConstraint("granted IN (0, credits)", name="granted_all_or_nothing"),
        CheckConstraint(
            "refunded >= 0 AND disputed >= 0 AND refunded + disputed <= granted", name="taken_back_within_granted"
        ),
        CheckConstraint("released BETWEEN 0 AND credits", name="released_within_credits"),
        CheckConstraint(
            "num_nonnulls(pending_id, pending_step, pending_credits) IN (0, 3)", name="pending_all_or_nothing"
        ),
        Index("ix_credit_purchases_customer", "customer_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"), primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    credits: Mapped[int]
    price_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(CHAR(3))
    granted: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    refunded: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    disputed: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    released: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    automatic: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    pending_id: Mapped[UUID | None]
    pending_step: Mapped[PurchaseStep | None] = mapped_column(TextEnum(PurchaseStep))
    pending_credits: Mapped[int | None]
    created_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]


class AutoTopUp(Base):
    """What a customer wants when its balance falls below `threshold`: to be told, and, if `enabled`, to buy `credits`.

    Nothing is asked for again before `paused_until`: while a purchase is under way, was declined, or the day's are used up.
    """

    __tablename__ = "auto_top_ups"
    __table_args__ = (
        CheckConstraint("threshold > 0 AND credits > 0", name="amounts_positive"),
        CheckConstraint("max_per_day BETWEEN 1 AND 100", name="max_per_day_known"),
        CheckConstraint("NOT enabled OR payment_method_id IS NOT NULL", name="enabled_can_pay"),
    )

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    enabled: Mapped[bool]
    threshold: Mapped[int]
    credits: Mapped[int]
    payment_method_id: Mapped[str | None]
    max_per_day: Mapped[int]
    paused_until: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class CreditHold(Base):
    """Credits that are reserved: [grant, amount] in each of `parts`. A transfer is one with a `counterpart`, the receiver."""

    __tablename__ = "credit_holds"
    __table_args__ = (
        one_of("status", HoldStatus),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("captured BETWEEN 0 AND amount", name="captured_within_amount"),
        CheckConstraint("(status = 'active') = (ended_at IS NULL)", name="ended_has_a_time"),
        Index("ix_credit_holds_customer_active", "customer_id", postgresql_where=text("status = 'active'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    amount: Mapped[int]
    captured: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    status: Mapped[HoldStatus] = mapped_column(TextEnum(HoldStatus))
    operation: Mapped[str | None]
    metadata_: Mapped[dict[str, str]] = mapped_column("metadata")
    counterpart: Mapped[UUID | None]
    parts: Mapped[list[list[Any]]] = mapped_column(JSONB())
    actor: Mapped[str | None]
    expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class CreditTransaction(Base):
    """One entry of the journal, as it was written: immutable.

    `amount` is what the entry is about, never negative; `changes` says what it did to what grants have left, `paid` which
    grants paid for a use, both as {grant: amount}. `key` is the digest of the idempotency key, `request` that of the request.
    """

    __tablename__ = "credit_transactions"
    __table_args__ = (
        one_of("type", TransactionType),
        CheckConstraint("seq > 0", name="seq_positive"),
        CheckConstraint("amount > 0 OR (amount = 0 AND type = 'limit_changed')", name="amount_positive"),
        CheckConstraint("balance >= 0 AND held >= 0 AND debt >= 0", name="nothing_below_zero"),
        Index("uq_credit_transactions_customer_id_seq", "customer_id", "seq", unique=True),
        Index("ix_credit_transactions_created", "created_at", postgresql_using="brin", postgresql_with=_BRIN),
        Index("ix_credit_transactions_received", "created_at", postgresql_where=text("type = 'transfer_in'")),
        Index("ix_credit_transactions_expired", "reference", postgresql_where=text("type = 'grant_expired'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    seq: Mapped[int]
    type: Mapped[TransactionType] = mapped_column(TextEnum(TransactionType))
    amount: Mapped[int]
    balance: Mapped[int]
    held: Mapped[int]
    debt: Mapped[int]
    operation: Mapped[str | None]
    metadata_: Mapped[dict[str, str]] = mapped_column("metadata")
    actor: Mapped[str | None]
    reference: Mapped[str | None]
    changes: Mapped[dict[str, Any]]
    paid: Mapped[dict[str, Any]]
    key: Mapped[str | None]
    request: Mapped[str | None]
    answer: Mapped[list[Any] | None] = mapped_column(JSONB())
    created_at: Mapped[datetime]


class CreditJournal(Base):
    """How far a shard's journal is drained: the id of the last entry, `<milliseconds>-<number>` of the stream."""

    __tablename__ = "credit_journals"

    shard: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    milliseconds: Mapped[int]
    number: Mapped[int]


class CreditGap(Base):
    """Entries of an account that never came: after `after_seq` the journal went on with `found_seq`."""

    __tablename__ = "credit_gaps"

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    after_seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    found_seq: Mapped[int]
    found_at: Mapped[datetime]


class CreditUsage(Base):
    """What a customer used on one day (UTC), by operation and by the project that its metadata named ('' for none)."""

    __tablename__ = "credit_usage"
    __table_args__ = (
        CheckConstraint("amount > 0 AND count > 0", name="something_was_used"),
        Index("ix_credit_usage_day", "day"),
    )

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    operation: Mapped[str] = mapped_column(primary_key=True)
    project: Mapped[str] = mapped_column(primary_key=True)
    amount: Mapped[int]
    count: Mapped[int]


class CreditEpoch(Base):
    """Which rebuild of the server's memory is the one in force, and until when somebody works on one; one row."""

    __tablename__ = "credit_epoch"
    __table_args__ = (
        CheckConstraint("id = 1", name="one_row"),
        CheckConstraint("epoch >= 0", name="epoch_not_negative"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    epoch: Mapped[int]
    leased_until: Mapped[datetime | None]
    rebuilt_at: Mapped[datetime | None]
