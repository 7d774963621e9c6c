"""Credits: accounts, grants, holds, transactions, usage, and how far each shard's journal is drained."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

def upgrade() -> None:
    op.create_table(
        "credit_epoch",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rebuilt_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("epoch >= 0", name=op.f("ck_credit_epoch_epoch_not_negative")),
        sa.CheckConstraint("id = 1", name=op.f("ck_credit_epoch_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_epoch")),
    )
    op.create_table(
        "credit_journals",
        sa.Column("shard", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("milliseconds", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shard", name=op.f("pk_credit_journals")),
    )
    op.create_table(
        "credit_accounts",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("shard", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("debt", sa.BigInteger(), nullable=False),
        sa.Column("unlimited", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "balance >= 0 AND held >= 0 AND debt >= 0", name=op.f("ck_credit_accounts_nothing_below_zero")
        ),
        sa.CheckConstraint("seq >= 0", name=op.f("ck_credit_accounts_seq_not_negative")),
        sa.CheckConstraint("shard BETWEEN 0 AND 63", name=op.f("ck_credit_accounts_shard_known")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_credit_accounts_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_credit_accounts")),
    )
    op.create_index("ix_credit_accounts_shard", "credit_accounts", ["shard"], unique=False)
    op.create_table(
        "credit_gaps",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("after_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("found_seq", sa.BigInteger(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_credit_gaps_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", "after_seq", name=op.f("pk_credit_gaps")),
    )
    op.create_table(
        "credit_grants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("remaining", sa.BigInteger(), nullable=False),
        sa.Column("priority", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('allowance', 'purchase', 'promotion', 'transfer', 'adjustment')",
            name=op.f("ck_credit_grants_kind_known"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_credit_grants_amount_positive")),
        sa.CheckConstraint("remaining BETWEEN 0 AND amount", name=op.f("ck_credit_grants_remaining_within_amount")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_credit_grants_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_grants")),
    )
    op.create_index("ix_credit_grants_customer_id", "credit_grants", ["customer_id"], unique=False)
    op.create_table(
        "credit_holds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("captured", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.Column("metadata", postgresql.JSONB(), nullable=False),
        sa.Column("counterpart", sa.Uuid(), nullable=True),
        sa.Column("parts", postgresql.JSONB(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(status = 'active') = (ended_at IS NULL)", name=op.f("ck_credit_holds_ended_has_a_time")),
        sa.CheckConstraint(
            "status IN ('active', 'captured', 'released', 'expired')", name=op.f("ck_credit_holds_status_known")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_credit_holds_amount_positive")),
        sa.CheckConstraint("captured BETWEEN 0 AND amount", name=op.f("ck_credit_holds_captured_within_amount")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_credit_holds_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_holds")),
    )
    op.create_index(
        "ix_credit_holds_customer_active",
        "credit_holds",
        ["customer_id"],
        unique=False,
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_table(
        "credit_transactions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("debt", sa.BigInteger(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.Column("metadata", postgresql.JSONB(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("changes", postgresql.JSONB(), nullable=False),
        sa.Column("paid", postgresql.JSONB(), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("request", sa.Text(), nullable=True),
        sa.Column("answer", postgresql.JSONB(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "type IN ('grant', 'revoke', 'deduct', 'hold', 'capture', 'release', 'hold_expired', 'grant_expired', 'transfer_hold', 'transfer_out', 'transfer_in', 'transfer_refused')",
            name=op.f("ck_credit_transactions_type_known"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_credit_transactions_amount_positive")),
        sa.CheckConstraint(
            "balance >= 0 AND held >= 0 AND debt >= 0", name=op.f("ck_credit_transactions_nothing_below_zero")
        ),
        sa.CheckConstraint("seq > 0", name=op.f("ck_credit_transactions_seq_positive")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_credit_transactions_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_transactions")),
    )
    op.create_index(
        "uq_credit_transactions_customer_id_seq", "credit_transactions", ["customer_id", "seq"], unique=True
    )
    op.create_table(
        "credit_usage",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount > 0 AND count > 0", name=op.f("ck_credit_usage_something_was_used")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_credit_usage_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", "day", "operation", "project", name=op.f("pk_credit_usage")),
    )
    op.execute(
        "CREATE TRIGGER credit_transactions_append_only BEFORE UPDATE OR DELETE ON credit_transactions "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER credit_transactions_no_truncate BEFORE TRUNCATE ON credit_transactions "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("credit_usage")
    op.drop_table("credit_transactions")
    op.drop_table("credit_holds")
    op.drop_table("credit_grants")
    op.drop_table("credit_gaps")
    op.drop_table("credit_accounts")
    op.drop_table("credit_journals")
    op.drop_table("credit_epoch")
