"""Invoices: what a customer owes, line by line, with the number under which the books know it."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CHAR, CheckConstraint, ForeignKey, Index, Numeric, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TextEnum, is_currency, one_of
from models.ids import new_id
from models.subscription import Collection


class InvoiceStatus(StrEnum):
    """A draft may change; from `open` on nothing of an invoice changes but what is paid of it."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


class BillingReason(StrEnum):
    """What an invoice is made for."""

    SUBSCRIPTION_CREATE = "subscription_create"
    SUBSCRIPTION_CYCLE = "subscription_cycle"
    SUBSCRIPTION_UPDATE = "subscription_update"
    CREDIT_PURCHASE = "credit_purchase"
    MANUAL = "manual"


class LineKind(StrEnum):
    """What a line is about."""

    RECURRING = "recurring"
    PRORATION_CREDIT = "proration_credit"
    PRORATION_CHARGE = "proration_charge"
    USAGE = "usage"
    ONE_OFF = "one_off"
    CREDIT_PACK = "credit_pack"


class Invoice(Base):
    """One invoice, in minor units of one currency.

    subtotal (the lines) - discount + tax = total. A total below zero goes to the customer's balance: `balance_minor` is what the
    invoice takes from that balance, negative where it adds to it; total - balance is what is to be paid.

    `amount_credited_minor` is the sum of its credit notes, and `credited_open_minor` the part of it that was never paid: it
    was taken off while the invoice was open.
    """

    __tablename__ = "invoices"
    __table_args__ = (
        one_of("status", InvoiceStatus),
        one_of("billing_reason", BillingReason),
        one_of("collection", Collection),
        is_currency(),
        CheckConstraint("total_minor = subtotal_minor - discount_minor + tax_minor", name="total_adds_up"),
        CheckConstraint("amount_due_minor = total_minor - balance_minor", name="due_adds_up"),
        CheckConstraint("amount_due_minor >= 0", name="due_not_negative"),
        CheckConstraint(
            "least(amount_paid_minor, credited_open_minor) >= 0"
            " AND amount_paid_minor + credited_open_minor <= amount_due_minor",
            name="paid_within_due",
        ),
        CheckConstraint("credited_open_minor <= amount_credited_minor", name="credited_open_is_credited"),
        CheckConstraint("amount_credited_minor BETWEEN 0 AND greatest(total_minor, 0)", name="credited_within_total"),
        CheckConstraint("period_start <= period_end", name="period_in_order"),
        CheckConstraint(
            "(status = 'draft') = (number IS NULL) AND (number IS NULL) = (finalized_at IS NULL)",
            name="numbered_when_finalized",
        ),
        CheckConstraint("(status = 'paid') = (paid_at IS NOT NULL)", name="paid_at_when_paid"),
        CheckConstraint(
            "status <> 'paid' OR amount_paid_minor + credited_open_minor = amount_due_minor", name="paid_in_full"
        ),
        CheckConstraint("(status = 'void') = (voided_at IS NOT NULL)", name="voided_at_when_void"),
        CheckConstraint("days_until_due BETWEEN 0 AND 365", name="days_until_due_in_range"),
        Index("uq_invoices_number", "number", unique=True),
        # A period is invoiced once, whatever the beat, workers and clocks do.
        Index(
            "uq_invoices_period",
            "subscription_id",
            "period_start",
            unique=True,
            postgresql_where=text("billing_reason IN ('subscription_create', 'subscription_cycle')"),
        ),
        Index("ix_invoices_customer", "customer_id", "id"),
        Index("ix_invoices_subscription", "subscription_id", "id"),
        Index("ix_invoices_status", "status", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    subscription_id: Mapped[UUID | None] = mapped_column(ForeignKey("subscriptions.id"))
    status: Mapped[InvoiceStatus] = mapped_column(TextEnum(InvoiceStatus))
    billing_reason: Mapped[BillingReason] = mapped_column(TextEnum(BillingReason))
    number: Mapped[str | None]
    currency: Mapped[str] = mapped_column(CHAR(3))
    period_start: Mapped[datetime]
    period_end: Mapped[datetime]
    subtotal_minor: Mapped[int]
    discount_minor: Mapped[int]
    tax_minor: Mapped[int]
    total_minor: Mapped[int]
    balance_minor: Mapped[int]
    amount_due_minor: Mapped[int]
    amount_paid_minor: Mapped[int]
    amount_credited_minor: Mapped[int]
    credited_open_minor: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    collection: Mapped[Collection] = mapped_column(TextEnum(Collection))
    days_until_due: Mapped[int] = mapped_column(SmallInteger())
    payment_method_id: Mapped[str | None]
    due_at: Mapped[datetime | None]
    finalized_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    voided_at: Mapped[datetime | None]
    metadata_: Mapped[dict[str, str]] = mapped_column("metadata", default=dict)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    @property
    def remaining_minor(self) -> int:
        """What is still to be paid: of what is due, neither paid nor taken back by a credit note."""
        return self.amount_due_minor - self.amount_paid_minor - self.credited_open_minor


class InvoiceLine(Base):
    """One line. `formula` shows how `amount_minor` was computed; `discount_minor` is the line's part of the discount.

    A line of a subscription says which item it is for, and for which share of the period (`share_parts` of `share_of`): what
    is given back later is computed from these, and from what was paid.
    """

    __tablename__ = "invoice_lines"
    __table_args__ = (
        one_of("kind", LineKind),
        is_currency(),
        CheckConstraint("position >= 1", name="position_from_one"),
        CheckConstraint("period_start <= period_end", name="period_in_order"),
        CheckConstraint("share_parts BETWEEN 0 AND share_of AND share_of > 0", name="share_of_a_whole"),
        CheckConstraint("num_nonnulls(share_parts, share_of) IN (0, 2)", name="share_whole"),
        Index(
            "ix_invoice_lines_item", "subscription_item_id", postgresql_where=text("subscription_item_id IS NOT NULL")
        ),
    )

    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id"), primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger(), primary_key=True, autoincrement=False)
    kind: Mapped[LineKind] = mapped_column(TextEnum(LineKind))
    description: Mapped[str]
    quantity: Mapped[int]
    currency: Mapped[str] = mapped_column(CHAR(3))
    amount_minor: Mapped[int]
    discount_minor: Mapped[int]
    formula: Mapped[str]
    period_start: Mapped[datetime | None]
    period_end: Mapped[datetime | None]
    price_id: Mapped[UUID | None] = mapped_column(ForeignKey("prices.id"))
    subscription_item_id: Mapped[UUID | None] = mapped_column(ForeignKey("subscription_items.id"))
    share_parts: Mapped[int | None]
    share_of: Mapped[int | None]

    @property
    def net_minor(self) -> int:
        """What the line comes to before tax: its amount without its part of a discount."""
        return self.amount_minor - self.discount_minor


class PendingLine(Base):
    """A line that waits for the subscription's next invoice; `invoice_id` is that invoice, once it has come.

    Its columns are those of an invoice's line.
    """

    __tablename__ = "pending_lines"
    __table_args__ = (
        one_of("kind", LineKind),
        is_currency(),
        CheckConstraint("period_start <= period_end", name="period_in_order"),
        CheckConstraint("share_parts BETWEEN 0 AND share_of AND share_of > 0", name="share_of_a_whole"),
        CheckConstraint("num_nonnulls(share_parts, share_of) IN (0, 2)", name="share_whole"),
        Index("ix_pending_lines_subscription", "subscription_id", "id", postgresql_where=text("invoice_id IS NULL")),
        Index(
            "ix_pending_lines_item", "subscription_item_id", postgresql_where=text("subscription_item_id IS NOT NULL")
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscriptions.id"))
    kind: Mapped[LineKind] = mapped_column(TextEnum(LineKind))
    description: Mapped[str]
    quantity: Mapped[int]
    currency: Mapped[str] = mapped_column(CHAR(3))
    amount_minor: Mapped[int]
    discount_minor: Mapped[int]
    formula: Mapped[str]
    period_start: Mapped[datetime | None]
    period_end: Mapped[datetime | None]
    price_id: Mapped[UUID | None] = mapped_column(ForeignKey("prices.id"))
    subscription_item_id: Mapped[UUID | None] = mapped_column(ForeignKey("subscription_items.id"))
    share_parts: Mapped[int | None]
    share_of: Mapped[int | None]
    invoice_id: Mapped[UUID | None] = mapped_column(ForeignKey("invoices.id"))
    created_at: Mapped[datetime]


class InvoiceTax(Base):
    """One tax of an invoice: `amount_minor` of `taxable_minor` at `rate`, and why."""

    __tablename__ = "invoice_taxes"
    __table_args__ = (is_currency(), CheckConstraint("rate BETWEEN 0 AND 1", name="rate_is_a_share"))

    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id"), primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger(), primary_key=True, autoincrement=False)
    name: Mapped[str]
    rate: Mapped[Decimal] = mapped_column(Numeric(7, 6))
    currency: Mapped[str] = mapped_column(CHAR(3))
    taxable_minor: Mapped[int]
    amount_minor: Mapped[int]
    reason: Mapped[str]


class InvoiceSeries(Base):
    """The last number that a series has given. Its row is locked by whoever finalizes, until the numbers are committed."""

    __tablename__ = "invoice_series"
    __table_args__ = (CheckConstraint("last_number >= 0", name="last_number_not_negative"),)

    series: Mapped[str] = mapped_column(primary_key=True)
    last_number: Mapped[int]


class CustomerBalance(Base):
    """Money that a customer has with us in one currency: what invoices below zero left, and the next ones use up.

    Below zero it is what the gateway could not charge: less than its smallest charge.
    """

    __tablename__ = "customer_balances"
    __table_args__ = (is_currency(), CheckConstraint("amount_minor > -100000", name="debt_is_small"))

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    currency: Mapped[str] = mapped_column(CHAR(3), primary_key=True)
    amount_minor: Mapped[int]
    updated_at: Mapped[datetime]
