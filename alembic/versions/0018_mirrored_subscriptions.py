"""Subscriptions that Stripe bills, mirrored; and the credits of their paid periods."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mirrored_subscriptions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("gateway_id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("gateway_customer_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("gateway_status", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=True),
        sa.Column("plan_version_id", sa.Uuid(), nullable=True),
        sa.Column("interval", sa.Text(), nullable=True),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("items", postgresql.JSONB(), nullable=False),
        sa.Column("anchor", sa.DateTime(timezone=True), nullable=False),
        sa.Column("current_period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("current_period_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trial_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trial_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trial_reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("days_until_due", sa.BigInteger(), nullable=False),
        sa.Column("payment_method_id", sa.Text(), nullable=True),
        sa.Column("cancel_at_period_end", sa.Boolean(), nullable=False),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column("past_due_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("imported_as", sa.Uuid(), nullable=True),
        sa.Column("metadata", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(ended_at IS NOT NULL) = (status IN ('canceled', 'expired'))",
            name=op.f("ck_mirrored_subscriptions_ended_when_final"),
        ),
        sa.CheckConstraint(
            "collection IN ('automatic', 'send_invoice')", name=op.f("ck_mirrored_subscriptions_collection_known")
        ),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_mirrored_subscriptions_currency_iso4217")),
        sa.CheckConstraint(
            "interval IN ('week', 'month', 'quarter', 'year')", name=op.f("ck_mirrored_subscriptions_interval_known")
        ),
        sa.CheckConstraint(
            "status <> 'past_due' OR past_due_since IS NOT NULL",
            name=op.f("ck_mirrored_subscriptions_past_due_since_when"),
        ),
        sa.CheckConstraint(
            "status IN ('incomplete', 'trialing', 'active', 'past_due', 'paused', 'canceled', 'expired')",
            name=op.f("ck_mirrored_subscriptions_status_known"),
        ),
        sa.CheckConstraint(
            "(plan_id IS NULL) = (plan_version_id IS NULL)",
            name=op.f("ck_mirrored_subscriptions_plan_with_its_version"),
        ),
        sa.CheckConstraint(
            "current_period_start <= current_period_end", name=op.f("ck_mirrored_subscriptions_period_in_order")
        ),
        sa.CheckConstraint(
            "imported_as IS NULL OR customer_id IS NOT NULL",
            name=op.f("ck_mirrored_subscriptions_imported_for_somebody"),
        ),
        sa.CheckConstraint("version >= 0", name=op.f("ck_mirrored_subscriptions_version_not_negative")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_mirrored_subscriptions_customer_id")),
        sa.ForeignKeyConstraint(
            ["imported_as"], ["subscriptions.id"], name=op.f("fk_mirrored_subscriptions_imported_as")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_mirrored_subscriptions_plan_id")),
        sa.ForeignKeyConstraint(
            ["plan_version_id"], ["plan_versions.id"], name=op.f("fk_mirrored_subscriptions_plan_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mirrored_subscriptions")),
        sa.UniqueConstraint("gateway_id", name=op.f("uq_mirrored_subscriptions_gateway_id")),
    )
    op.create_index("ix_mirrored_subscriptions_customer", "mirrored_subscriptions", ["customer_id", "id"], unique=False)
    op.create_index(
        "ix_mirrored_subscriptions_gateway_customer", "mirrored_subscriptions", ["gateway_customer_id"], unique=False
    )
    op.create_index("ix_mirrored_subscriptions_status", "mirrored_subscriptions", ["status", "id"], unique=False)
    op.create_index(
        "uq_mirrored_subscriptions_imported_as",
        "mirrored_subscriptions",
        ["imported_as"],
        unique=True,
        postgresql_where=sa.text("imported_as IS NOT NULL"),
    )
    op.add_column("plan_allowances", sa.Column("mirror_id", sa.Uuid(), nullable=True))
    op.alter_column("plan_allowances", "subscription_id", existing_type=sa.UUID(), nullable=True)
    op.create_index("uq_plan_allowances_mirrored", "plan_allowances", ["mirror_id", "month_start", "part"], unique=True)
    op.create_foreign_key(
        op.f("fk_plan_allowances_mirror_id"), "plan_allowances", "mirrored_subscriptions", ["mirror_id"], ["id"]
    )
    op.create_check_constraint(
        op.f("ck_plan_allowances_of_one_subscription"),
        "plan_allowances",
        "num_nonnulls(subscription_id, mirror_id) = 1",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_plan_allowances_of_one_subscription"), "plan_allowances")
    op.drop_constraint(op.f("fk_plan_allowances_mirror_id"), "plan_allowances")
    op.drop_index("uq_plan_allowances_mirrored", table_name="plan_allowances")
    op.execute("DELETE FROM plan_allowances WHERE subscription_id IS NULL")
    op.alter_column("plan_allowances", "subscription_id", existing_type=sa.Uuid(), nullable=False)
    op.drop_column("plan_allowances", "mirror_id")
    op.drop_table("mirrored_subscriptions")
