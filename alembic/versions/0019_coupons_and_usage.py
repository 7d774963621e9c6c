"""Coupons that subscriptions have redeemed, and what was billed of usage."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "subscription_discounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("coupon_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_by", sa.Uuid(), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_subscription_discounts_ends_after_start")),
        sa.ForeignKeyConstraint(["coupon_id"], ["coupons.id"], name=op.f("fk_subscription_discounts_coupon_id")),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name=op.f("fk_subscription_discounts_subscription_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription_discounts")),
    )
    op.create_index(
        "uq_subscription_discounts_held",
        "subscription_discounts",
        ["subscription_id"],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_index("ix_subscription_discounts_coupon", "subscription_discounts", ["coupon_id"])
    op.create_table(
        "usage_billings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscription_item_id", sa.Uuid(), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quantity", sa.Numeric(38, 9), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_usage_billings_currency_iso4217")),
        sa.CheckConstraint("period_start < period_end", name=op.f("ck_usage_billings_period_not_empty")),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_usage_billings_quantity_not_negative")),
        sa.ForeignKeyConstraint(
            ["subscription_item_id"], ["subscription_items.id"], name=op.f("fk_usage_billings_subscription_item_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_billings")),
    )
    op.create_index(
        "uq_usage_billings_period", "usage_billings", ["subscription_item_id", "period_start"], unique=True
    )
    op.create_index("ix_usage_events_time", "usage_events", ["customer_id", "meter_id", "occurred_at"])


def downgrade() -> None:
    op.drop_index("ix_usage_events_time", "usage_events")
    op.drop_table("usage_billings")
    op.drop_table("subscription_discounts")
