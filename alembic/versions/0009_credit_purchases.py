"""Credits that are paid for, also by themselves; where transferred credits come from; what a payment is for; limits."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# What an entry is the entry of. Revenue from credits is a part of the entry of their use, not one of its own.
KINDS = (
    "payment_captured", "refund_paid", "refund_returned", "dispute_withdrawn", "dispute_reinstated", "gateway_fee",
    "credits_granted", "credits_purchased", "credits_deducted", "credits_held", "credits_captured", "credits_released",
    "credits_transferred", "credits_expired", "credits_revoked",
)
# What an entry of the credits' journal says.
TYPES = (
    "grant", "revoke", "deduct", "hold", "capture", "release", "hold_expired", "grant_expired", "transfer_hold",
    "transfer_out", "transfer_in", "transfer_refused", "limit_changed",
)


def upgrade() -> None:
    op.add_column("payments", sa.Column("purpose", sa.Text(), server_default=sa.text("'sale'"), nullable=False))
    op.create_check_constraint(op.f("ck_payments_purpose_known"), "payments", "purpose IN ('sale', 'credits')")
    op.add_column("credit_grants", sa.Column("origin", sa.Uuid(), nullable=True))
    op.drop_constraint(op.f("ck_ledger_entries_kind_known"), "ledger_entries")
    listed = ", ".join(f"'{kind}'" for kind in KINDS)
    op.create_check_constraint(op.f("ck_ledger_entries_kind_known"), "ledger_entries", f"kind IN ({listed})")
    op.create_table(
        "credit_purchases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("granted", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("refunded", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("disputed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("released", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("automatic", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("pending_id", sa.Uuid(), nullable=True),
        sa.Column("pending_step", sa.Text(), nullable=True),
        sa.Column("pending_credits", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_credit_purchases_currency_iso4217")),
        sa.CheckConstraint(
            "pending_step IN ('paid', 'refunded', 'disputed')", name=op.f("ck_credit_purchases_pending_step_known")
        ),
        sa.CheckConstraint(
            "credits > 0 AND price_minor > 0", name=op.f("ck_credit_purchases_something_for_something")
        ),
        sa.CheckConstraint("granted IN (0, credits)", name=op.f("ck_credit_purchases_granted_all_or_nothing")),
        sa.CheckConstraint(
            "refunded >= 0 AND disputed >= 0 AND refunded + disputed <= granted",
            name=op.f("ck_credit_purchases_taken_back_within_granted"),
        ),
        sa.CheckConstraint(
            "released BETWEEN 0 AND credits", name=op.f("ck_credit_purchases_released_within_credits")
        ),
        sa.CheckConstraint(
            "num_nonnulls(pending_id, pending_step, pending_credits) IN (0, 3)",
            name=op.f("ck_credit_purchases_pending_all_or_nothing"),
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_credit_purchases_customer_id")),
        sa.ForeignKeyConstraint(["id"], ["payments.id"], name=op.f("fk_credit_purchases_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_purchases")),
    )
    op.create_index("ix_credit_purchases_customer", "credit_purchases", ["customer_id", "id"], unique=False)
    op.create_index("ix_credit_usage_day", "credit_usage", ["day"], unique=False)
    op.create_table(
        "auto_top_ups",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("threshold", sa.BigInteger(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("payment_method_id", sa.Text(), nullable=True),
        sa.Column("max_per_day", sa.BigInteger(), nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("threshold > 0 AND credits > 0", name=op.f("ck_auto_top_ups_amounts_positive")),
        sa.CheckConstraint("max_per_day BETWEEN 1 AND 100", name=op.f("ck_auto_top_ups_max_per_day_known")),
        sa.CheckConstraint(
            "NOT enabled OR payment_method_id IS NOT NULL", name=op.f("ck_auto_top_ups_enabled_can_pay")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_auto_top_ups_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_auto_top_ups")),
    )
    _restate_transactions(TYPES, "amount > 0 OR (amount = 0 AND type = 'limit_changed')")


def _restate_transactions(types: tuple[str, ...], amount: str) -> None:
    listed = ", ".join(f"'{type_}'" for type_ in types)
    for name, condition in (("type_known", f"type IN ({listed})"), ("amount_positive", amount)):
        constraint = op.f(f"ck_credit_transactions_{name}")
        op.drop_constraint(constraint, "credit_transactions")
        op.create_check_constraint(constraint, "credit_transactions", condition)


def downgrade() -> None:
    op.drop_table("auto_top_ups")
    op.drop_index("ix_credit_usage_day", "credit_usage")
    _restate_transactions(TYPES[:-1], "amount > 0")
    op.drop_table("credit_purchases")
    op.drop_constraint(op.f("ck_ledger_entries_kind_known"), "ledger_entries")
    listed = ", ".join(f"'{kind}'" for kind in (*KINDS, "revenue_recognized", "breakage_recognized"))
    op.create_check_constraint(op.f("ck_ledger_entries_kind_known"), "ledger_entries", f"kind IN ({listed})")
    op.drop_column("credit_grants", "origin")
    op.drop_constraint(op.f("ck_payments_purpose_known"), "payments")
    op.drop_column("payments", "purpose")
