"""Credit notes, what of an invoice they took off while it was open, and invoices of purchases of credits."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

KINDS = (
    "payment_captured",
    "refund_paid",
    "refund_returned",
    "dispute_withdrawn",
    "dispute_reinstated",
    "gateway_fee",
    "invoice_issued",
    "invoice_voided",
    "invoice_written_off",
    "credit_note_issued",
    "credit_note_refund_failed",
    "payment_overpaid",
    "credits_granted",
    "credits_purchased",
    "credits_deducted",
    "credits_held",
    "credits_captured",
    "credits_released",
    "credits_transferred",
    "credits_expired",
    "credits_revoked",
)
NEW_KINDS = ("credit_note_issued", "credit_note_refund_failed", "payment_overpaid")
PAID_WITHIN_DUE = (
    "least(amount_paid_minor, credited_open_minor) >= 0 AND amount_paid_minor + credited_open_minor <= amount_due_minor"
)
PAID_IN_FULL = "status <> 'paid' OR amount_paid_minor + credited_open_minor = amount_due_minor"
INVOICE_OR_CREDITS = "purpose = 'credits' OR (purpose = 'invoice') = (invoice_id IS NOT NULL)"


def listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def replace_check(name: str, table: str, condition: str) -> None:
    op.drop_constraint(op.f(name), table)
    op.create_check_constraint(op.f(name), table, condition)


def upgrade() -> None:
    replace_check("ck_ledger_entries_kind_known", "ledger_entries", f"kind IN ({listed(KINDS)})")
    replace_check("ck_payments_invoice_when_that_is_paid", "payments", INVOICE_OR_CREDITS)
    op.add_column(
        "invoices", sa.Column("credited_open_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    replace_check("ck_invoices_paid_within_due", "invoices", PAID_WITHIN_DUE)
    replace_check("ck_invoices_paid_in_full", "invoices", PAID_IN_FULL)
    op.create_check_constraint(
        op.f("ck_invoices_credited_open_is_credited"), "invoices", "credited_open_minor <= amount_credited_minor"
    )
    op.create_table(
        "credit_notes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("subtotal_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("open_minor", sa.BigInteger(), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.Column("refund_minor", sa.BigInteger(), nullable=False),
        sa.Column("refund_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("metadata", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_credit_notes_currency_iso4217")),
        sa.CheckConstraint("total_minor = subtotal_minor + tax_minor", name=op.f("ck_credit_notes_total_adds_up")),
        sa.CheckConstraint(
            "total_minor = open_minor + balance_minor + refund_minor", name=op.f("ck_credit_notes_uses_add_up")
        ),
        sa.CheckConstraint("total_minor > 0", name=op.f("ck_credit_notes_total_positive")),
        sa.CheckConstraint(
            "least(open_minor, balance_minor, refund_minor) >= 0", name=op.f("ck_credit_notes_uses_not_negative")
        ),
        sa.CheckConstraint(
            "refund_minor = 0 OR refund_id IS NOT NULL", name=op.f("ck_credit_notes_refunded_by_a_refund")
        ),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_credit_notes_invoice_id")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_credit_notes_customer_id")),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name=op.f("fk_credit_notes_refund_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_notes")),
        sa.UniqueConstraint("refund_id", name=op.f("uq_credit_notes_refund_id")),
    )
    op.create_index("uq_credit_notes_number", "credit_notes", ["number"], unique=True)
    op.create_index("ix_credit_notes_invoice", "credit_notes", ["invoice_id", "id"])
    op.create_index("ix_credit_notes_customer", "credit_notes", ["customer_id", "id"])
    op.create_table(
        "credit_note_lines",
        sa.Column("credit_note_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("line_position", sa.SmallInteger(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("formula", sa.Text(), nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_credit_note_lines_currency_iso4217")),
        sa.CheckConstraint("position >= 1", name=op.f("ck_credit_note_lines_position_from_one")),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_credit_note_lines_amount_not_zero")),
        sa.ForeignKeyConstraint(
            ["credit_note_id"], ["credit_notes.id"], name=op.f("fk_credit_note_lines_credit_note_id")
        ),
        sa.ForeignKeyConstraint(
            ["invoice_id", "line_position"],
            ["invoice_lines.invoice_id", "invoice_lines.position"],
            name=op.f("fk_credit_note_lines_invoice_id_line_position"),
        ),
        sa.PrimaryKeyConstraint("credit_note_id", "position", name=op.f("pk_credit_note_lines")),
    )
    op.create_index("ix_credit_note_lines_invoice", "credit_note_lines", ["invoice_id", "line_position"])
    op.create_table(
        "credit_note_taxes",
        sa.Column("credit_note_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rate", sa.Numeric(precision=7, scale=6), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("taxable_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_credit_note_taxes_currency_iso4217")),
        sa.CheckConstraint("rate BETWEEN 0 AND 1", name=op.f("ck_credit_note_taxes_rate_is_a_share")),
        sa.ForeignKeyConstraint(
            ["credit_note_id"], ["credit_notes.id"], name=op.f("fk_credit_note_taxes_credit_note_id")
        ),
        sa.PrimaryKeyConstraint("credit_note_id", "position", name=op.f("pk_credit_note_taxes")),
    )


def downgrade() -> None:
    op.drop_table("credit_note_taxes")
    op.drop_table("credit_note_lines")
    op.drop_table("credit_notes")
    op.drop_constraint(op.f("ck_invoices_credited_open_is_credited"), "invoices")
    replace_check("ck_invoices_paid_in_full", "invoices", "status <> 'paid' OR amount_paid_minor = amount_due_minor")
    replace_check("ck_invoices_paid_within_due", "invoices", "amount_paid_minor BETWEEN 0 AND amount_due_minor")
    op.drop_column("invoices", "credited_open_minor")
    op.execute("UPDATE payments SET invoice_id = NULL WHERE purpose = 'credits'")
    replace_check(
        "ck_payments_invoice_when_that_is_paid", "payments", "(purpose = 'invoice') = (invoice_id IS NOT NULL)"
    )
    old = tuple(kind for kind in KINDS if kind not in NEW_KINDS)
    replace_check("ck_ledger_entries_kind_known", "ledger_entries", f"kind IN ({listed(old)})")
