"""Changes of subscriptions, and the lines that wait for a next invoice."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

PENDING = sa.text("applied_at IS NULL AND withdrawn_at IS NULL")


def upgrade() -> None:
    # Nothing has ever written to the table as it was.
    op.drop_table("subscription_changes")
    op.create_table(
        "subscription_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("plan_version_id", sa.Uuid(), nullable=False),
        sa.Column("interval", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("ends", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("restarts_period", sa.Boolean(), nullable=False),
        sa.Column("anchor_day", sa.SmallInteger(), nullable=True),
        sa.Column("when_unpaid", sa.Text(), nullable=False),
        sa.Column("upgrade_credits", sa.Text(), nullable=False),
        sa.Column("changes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "interval IN ('week', 'month', 'quarter', 'year')", name=op.f("ck_subscription_changes_interval_known")
        ),
        sa.CheckConstraint(
            "when_unpaid IN ('rollback', 'wait')", name=op.f("ck_subscription_changes_when_unpaid_known")
        ),
        sa.CheckConstraint(
            "upgrade_credits IN ('difference', 'prorated', 'none')",
            name=op.f("ck_subscription_changes_upgrade_credits_known"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(applied_at, withdrawn_at) <= 1", name=op.f("ck_subscription_changes_one_end")
        ),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_reason IS NULL)", name=op.f("ck_subscription_changes_withdrawn_why")
        ),
        sa.CheckConstraint(
            "anchor_day BETWEEN 1 AND 31", name=op.f("ck_subscription_changes_anchor_day_of_a_month")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_subscription_changes_plan_id")),
        sa.ForeignKeyConstraint(
            ["plan_version_id"], ["plan_versions.id"], name=op.f("fk_subscription_changes_plan_version_id")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name=op.f("fk_subscription_changes_subscription_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription_changes")),
    )
    op.create_index(
        "uq_subscription_changes_pending", "subscription_changes", ["subscription_id"], unique=True, postgresql_where=PENDING
    )
    op.create_index(
        "ix_subscription_changes_invoice",
        "subscription_changes",
        ["invoice_id"],
        postgresql_where=sa.text("invoice_id IS NOT NULL"),
    )
    op.add_column("subscription_items", sa.Column("change_id", sa.Uuid(), nullable=True))
    op.alter_column("subscription_items", "started_at", nullable=True)
    op.create_foreign_key(
        op.f("fk_subscription_items_change_id"), "subscription_items", "subscription_changes", ["change_id"], ["id"]
    )
    op.create_check_constraint(
        op.f("ck_subscription_items_ends_what_began"),
        "subscription_items",
        "started_at IS NOT NULL OR ended_at IS NULL",
    )
    op.create_check_constraint(
        op.f("ck_subscription_items_waits_for_a_change"),
        "subscription_items",
        "started_at IS NOT NULL OR change_id IS NOT NULL",
    )
    op.drop_index("uq_subscription_items_price", "subscription_items")
    op.create_index(
        "uq_subscription_items_price",
        "subscription_items",
        ["subscription_id", "price_id"],
        unique=True,
        postgresql_where=sa.text("started_at IS NOT NULL AND ended_at IS NULL"),
    )
    op.create_index(
        "ix_subscription_items_change",
        "subscription_items",
        ["change_id"],
        postgresql_where=sa.text("change_id IS NOT NULL"),
    )
    op.add_column("subscriptions", sa.Column("change_expires_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table('pending_lines',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('subscription_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('quantity', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.CHAR(length=3), nullable=False),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('discount_minor', sa.BigInteger(), nullable=False),
    sa.Column('formula', sa.Text(), nullable=False),
    sa.Column('period_start', sa.DateTime(timezone=True), nullable=True),
    sa.Column('period_end', sa.DateTime(timezone=True), nullable=True),
    sa.Column('price_id', sa.Uuid(), nullable=True),
    sa.Column('subscription_item_id', sa.Uuid(), nullable=True),
    sa.Column('share_parts', sa.BigInteger(), nullable=True),
    sa.Column('share_of', sa.BigInteger(), nullable=True),
    sa.Column('invoice_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f('ck_pending_lines_currency_iso4217')),
    sa.CheckConstraint("kind IN ('recurring', 'proration_credit', 'proration_charge', 'usage', 'one_off', 'credit_pack')", name=op.f('ck_pending_lines_kind_known')),
    sa.CheckConstraint('num_nonnulls(share_parts, share_of) IN (0, 2)', name=op.f('ck_pending_lines_share_whole')),
    sa.CheckConstraint('period_start <= period_end', name=op.f('ck_pending_lines_period_in_order')),
    sa.CheckConstraint('share_parts BETWEEN 0 AND share_of AND share_of > 0', name=op.f('ck_pending_lines_share_of_a_whole')),
    sa.ForeignKeyConstraint(['invoice_id'], ['invoices.id'], name=op.f('fk_pending_lines_invoice_id')),
    sa.ForeignKeyConstraint(['price_id'], ['prices.id'], name=op.f('fk_pending_lines_price_id')),
    sa.ForeignKeyConstraint(['subscription_id'], ['subscriptions.id'], name=op.f('fk_pending_lines_subscription_id')),
    sa.ForeignKeyConstraint(['subscription_item_id'], ['subscription_items.id'], name=op.f('fk_pending_lines_subscription_item_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pending_lines'))
    )
    op.create_index('ix_pending_lines_item', 'pending_lines', ['subscription_item_id'], unique=False, postgresql_where=sa.text('subscription_item_id IS NOT NULL'))
    op.create_index('ix_pending_lines_subscription', 'pending_lines', ['subscription_id', 'id'], unique=False, postgresql_where=sa.text('invoice_id IS NULL'))

    op.drop_constraint(op.f("ck_customer_balances_amount_not_negative"), "customer_balances")
    op.create_check_constraint(
        op.f("ck_customer_balances_debt_is_small"), "customer_balances", "amount_minor > -100000"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_customer_balances_debt_is_small"), "customer_balances")
    op.execute("UPDATE customer_balances SET amount_minor = 0 WHERE amount_minor < 0")
    op.create_check_constraint(
        op.f("ck_customer_balances_amount_not_negative"), "customer_balances", "amount_minor >= 0"
    )
    op.drop_table("pending_lines")
    op.drop_column("subscriptions", "change_expires_at")
    op.drop_index("uq_subscription_items_price", "subscription_items")
    # What waits for a change has never begun, and the invoices that name it go with their subscription's history.
    op.execute(
        "UPDATE invoice_lines SET subscription_item_id = NULL WHERE subscription_item_id IN "
        "(SELECT id FROM subscription_items WHERE started_at IS NULL)"
    )
    op.execute("DELETE FROM subscription_items WHERE started_at IS NULL")
    op.create_index(
        "uq_subscription_items_price",
        "subscription_items",
        ["subscription_id", "price_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_constraint(op.f("ck_subscription_items_ends_what_began"), "subscription_items")
    op.drop_column("subscription_items", "change_id")
    op.alter_column("subscription_items", "started_at", nullable=False)
    op.drop_table("subscription_changes")
    op.create_table(
        "subscription_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("wanted", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(applied_at, withdrawn_at) <= 1", name=op.f("ck_subscription_changes_one_end")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name=op.f("fk_subscription_changes_subscription_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription_changes")),
    )
    op.create_index(
        "uq_subscription_changes_pending", "subscription_changes", ["subscription_id"], unique=True, postgresql_where=PENDING
    )
