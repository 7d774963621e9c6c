"""Credit notes: what of a finalized invoice is taken back, line by line, under a number of its own."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CHAR, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Numeric, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, is_currency
from models.ids import new_id


class CreditNote(Base):
    """One credit note, in minor units of its invoice's currency. It never changes but for where its money went.

    subtotal (net) + tax = total; the total is what it took off an open invoice, and what it gave to the customer's balance and
    back to the payment. `refund_minor` moves to `balance_minor` when the refund fails for good.
    """

    __tablename__ = "credit_notes"
    __table_args__ = (
        is_currency(),
        CheckConstraint("total_minor = subtotal_minor + tax_minor", name="total_adds_up"),
        CheckConstraint("total_minor = open_minor + balance_minor + refund_minor", name="uses_add_up"),
        CheckConstraint("total_minor > 0", name="total_positive"),
        CheckConstraint("least(open_minor, balance_minor, refund_minor) >= 0", name="uses_not_negative"),
        CheckConstraint("refund_minor = 0 OR refund_id IS NOT NULL", name="refunded_by_a_refund"),
        Index("uq_credit_notes_number", "number", unique=True),
        Index("ix_credit_notes_invoice", "invoice_id", "id"),
        Index("ix_credit_notes_customer", "customer_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id"))
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    number: Mapped[str]
    currency: Mapped[str] = mapped_column(CHAR(3))
    subtotal_minor: Mapped[int]
    tax_minor: Mapped[int]
    total_minor: Mapped[int]
    open_minor: Mapped[int]
    balance_minor: Mapped[int]
    refund_minor: Mapped[int]
    refund_id: Mapped[UUID | None] = mapped_column(ForeignKey("refunds.id"), unique=True)
    reason: Mapped[str | None]
    metadata_: Mapped[dict[str, str]] = mapped_column("metadata", default=dict)
    created_at: Mapped[datetime]


class CreditNoteLine(Base):
    """What of one line of the invoice is taken back, net; negative for a line that was negative. `formula` shows why as much."""

    __tablename__ = "credit_note_lines"
    __table_args__ = (
        is_currency(),
        CheckConstraint("position >= 1", name="position_from_one"),
        CheckConstraint("amount_minor <> 0", name="amount_not_zero"),
        ForeignKeyConstraint(["invoice_id", "line_position"], ["invoice_lines.invoice_id", "invoice_lines.position"]),
        Index("ix_credit_note_lines_invoice", "invoice_id", "line_position"),
    )

    credit_note_id: Mapped[UUID] = mapped_column(ForeignKey("credit_notes.id"), primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger(), primary_key=True, autoincrement=False)
    invoice_id: Mapped[UUID]
    line_position: Mapped[int] = mapped_column(SmallInteger())
    description: Mapped[str]
    currency: Mapped[str] = mapped_column(CHAR(3))
    amount_minor: Mapped[int]
    formula: Mapped[str]


class CreditNoteTax(Base):
    """What of one tax of the invoice is taken back; `position` is that of the invoice's tax."""

    __tablename__ = "credit_note_taxes"
    __table_args__ = (is_currency(), CheckConstraint("rate BETWEEN 0 AND 1", name="rate_is_a_share"))

    credit_note_id: Mapped[UUID] = mapped_column(ForeignKey("credit_notes.id"), primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger(), primary_key=True, autoincrement=False)
    name: Mapped[str]
    rate: Mapped[Decimal] = mapped_column(Numeric(7, 6))
    currency: Mapped[str] = mapped_column(CHAR(3))
    taxable_minor: Mapped[int]
    amount_minor: Mapped[int]
