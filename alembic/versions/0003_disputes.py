"""Disputes, and what they hold of a payment."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "disputes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("network_reason_code", sa.Text(), nullable=True),
        sa.Column("gateway_id", sa.Text(), nullable=False),
        sa.Column("evidence_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("evidence_provided", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("evidence_submissions", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('warning_needs_response', 'warning_under_review', 'warning_closed', 'needs_response', 'under_review', 'won', 'lost', 'prevented')",
            name=op.f("ck_disputes_status_known"),
        ),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_disputes_currency_iso4217")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_disputes_amount_positive")),
        sa.CheckConstraint("evidence_submissions >= 0", name=op.f("ck_disputes_submissions_not_negative")),
        sa.CheckConstraint(
            "(status IN ('won', 'lost', 'warning_closed', 'prevented')) = (closed_at IS NOT NULL)",
            name=op.f("ck_disputes_closed_when_decided"),
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_disputes_customer_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_disputes_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disputes")),
        sa.UniqueConstraint("gateway_id", name=op.f("uq_disputes_gateway_id")),
    )
    op.create_index("ix_disputes_customer", "disputes", ["customer_id", "id"], unique=False)
    op.create_index("ix_disputes_payment", "disputes", ["payment_id", "id"], unique=False)
    op.create_index("ix_disputes_status", "disputes", ["status", "id"], unique=False)
    op.add_column(
        "payments", sa.Column("amount_disputed_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_payments_taken_back_within_captured"),
        "payments",
        "amount_disputed_minor >= 0 AND amount_refunded_minor + amount_disputed_minor <= amount_captured_minor",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_payments_taken_back_within_captured"), "payments", type_="check")
    op.drop_column("payments", "amount_disputed_minor")
    op.drop_index("ix_disputes_status", table_name="disputes")
    op.drop_index("ix_disputes_payment", table_name="disputes")
    op.drop_index("ix_disputes_customer", table_name="disputes")
    op.drop_table("disputes")
