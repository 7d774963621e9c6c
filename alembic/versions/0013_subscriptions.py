"""Subscriptions, invoices and their dunning; what payments pay an invoice, and the accounts of what is owed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ACCOUNTS = (
    "gateway_clearing",
    "gateway_fees",
    "receivable",
    "bad_debt",
    "revenue",
    "refunds",
    "disputes",
    "tax_payable",
    "customer_balance",
    "deferred_revenue",
    "breakage_revenue",
    "credits_issued",
    "customer_credits",
    "customer_credits_held",
    "credits_spent",
    "credits_expired",
    "credits_in_transfer",
    "credits_revoked",
    "customer_credit_debt",
)
NEW_ACCOUNTS = (
    "bad_debt",
    "customer_balance",
)
OF_CUSTOMERS = (
    "receivable",
    "customer_balance",
    "deferred_revenue",
    "customer_credits",
    "customer_credits_held",
    "customer_credit_debt",
)
NEW_OF_CUSTOMERS = ("receivable", "customer_balance")
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
NEW_KINDS = (
    "invoice_issued",
    "invoice_voided",
    "invoice_written_off",
)


def listed(*names: str) -> str:
    return ", ".join(f"'{name}'" for name in names)


def without(names: tuple[str, ...], new: tuple[str, ...]) -> str:
    return listed(*(name for name in names if name not in new))


def replace_check(name: str, table: str, condition: str) -> None:
    op.drop_constraint(op.f(name), table)
    op.create_check_constraint(op.f(name), table, condition)


def upgrade() -> None:
    replace_check("ck_ledger_postings_account_known", "ledger_postings", f"account IN ({listed(*ACCOUNTS)})")
    replace_check(
        "ck_ledger_postings_customer_named",
        "ledger_postings",
        f"customer_id IS NOT NULL OR account NOT IN ({listed(*OF_CUSTOMERS)})",
    )
    replace_check("ck_ledger_entries_kind_known", "ledger_entries", f"kind IN ({listed(*KINDS)})")
    replace_check("ck_payments_purpose_known", "payments", "purpose IN ('sale', 'credits', 'invoice')")
    op.create_table(
        "invoice_series",
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("last_number >= 0", name=op.f("ck_invoice_series_last_number_not_negative")),
        sa.PrimaryKeyConstraint("series", name=op.f("pk_invoice_series")),
    )
    op.create_table(
        "customer_balances",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_customer_balances_currency_iso4217")),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_customer_balances_amount_not_negative")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_customer_balances_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", "currency", name=op.f("pk_customer_balances")),
    )
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("test_clock_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("plan_version_id", sa.Uuid(), nullable=False),
        sa.Column("interval", sa.Text(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("anchor", sa.DateTime(timezone=True), nullable=False),
        sa.Column("anchor_day", sa.SmallInteger(), nullable=False),
        sa.Column("current_period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("current_period_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trial_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trial_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trial_reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("credited_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("days_until_due", sa.SmallInteger(), nullable=False),
        sa.Column("auto_renew", sa.Boolean(), nullable=False),
        sa.Column("payment_method_id", sa.Text(), nullable=True),
        sa.Column("proration_granularity", sa.Text(), nullable=False),
        sa.Column("proration_event_day", sa.Text(), nullable=False),
        sa.Column("cancel_at_period_end", sa.Boolean(), nullable=False),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column("past_due_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pause_behavior", sa.Text(), nullable=True),
        sa.Column("resume_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("latest_invoice_id", sa.Uuid(), nullable=True),
        sa.Column("next_action_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("parked_reason", sa.Text(), nullable=True),
        sa.Column("metadata", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(ended_at IS NOT NULL) = (status IN ('canceled', 'expired'))",
            name=op.f("ck_subscriptions_ended_when_final"),
        ),
        sa.CheckConstraint(
            "(status = 'paused') = (paused_at IS NOT NULL AND pause_behavior IS NOT NULL)",
            name=op.f("ck_subscriptions_paused_how"),
        ),
        sa.CheckConstraint(
            "NOT (status IN ('canceled', 'expired')) OR next_action_at IS NULL",
            name=op.f("ck_subscriptions_nothing_due_when_final"),
        ),
        sa.CheckConstraint(
            "collection IN ('automatic', 'send_invoice')", name=op.f("ck_subscriptions_collection_known")
        ),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_subscriptions_currency_iso4217")),
        sa.CheckConstraint("date_trunc('second', anchor) = anchor", name=op.f("ck_subscriptions_anchor_whole_seconds")),
        sa.CheckConstraint(
            "interval IN ('week', 'month', 'quarter', 'year')", name=op.f("ck_subscriptions_interval_known")
        ),
        sa.CheckConstraint(
            "pause_behavior IN ('void', 'keep_as_draft')", name=op.f("ck_subscriptions_pause_behavior_known")
        ),
        sa.CheckConstraint(
            "proration_event_day IN ('new_plan', 'old_plan')", name=op.f("ck_subscriptions_proration_event_day_known")
        ),
        sa.CheckConstraint(
            "proration_granularity IN ('second', 'day', 'fixed_30')",
            name=op.f("ck_subscriptions_proration_granularity_known"),
        ),
        sa.CheckConstraint(
            "status <> 'past_due' OR past_due_since IS NOT NULL", name=op.f("ck_subscriptions_past_due_since_when")
        ),
        sa.CheckConstraint(
            "status IN ('incomplete', 'trialing', 'active', 'past_due', 'paused', 'canceled', 'expired')",
            name=op.f("ck_subscriptions_status_known"),
        ),
        sa.CheckConstraint(
            "(trial_start IS NULL) = (trial_end IS NULL) AND trial_start < trial_end",
            name=op.f("ck_subscriptions_trial_not_empty"),
        ),
        sa.CheckConstraint("anchor_day BETWEEN 1 AND 31", name=op.f("ck_subscriptions_anchor_day_of_a_month")),
        sa.CheckConstraint("current_period_start < current_period_end", name=op.f("ck_subscriptions_period_not_empty")),
        sa.CheckConstraint("days_until_due BETWEEN 0 AND 365", name=op.f("ck_subscriptions_days_until_due_in_range")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_subscriptions_customer_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_subscriptions_plan_id")),
        sa.ForeignKeyConstraint(
            ["plan_version_id"], ["plan_versions.id"], name=op.f("fk_subscriptions_plan_version_id")
        ),
        sa.ForeignKeyConstraint(["test_clock_id"], ["test_clocks.id"], name=op.f("fk_subscriptions_test_clock_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
    )
    op.create_index("ix_subscriptions_customer", "subscriptions", ["customer_id", "id"], unique=False)
    op.create_index(
        "ix_subscriptions_due",
        "subscriptions",
        ["next_action_at"],
        unique=False,
        postgresql_where=sa.text("next_action_at IS NOT NULL AND test_clock_id IS NULL AND parked_at IS NULL"),
    )
    op.create_index(
        "ix_subscriptions_due_on_clock",
        "subscriptions",
        ["test_clock_id", "next_action_at"],
        unique=False,
        postgresql_where=sa.text("next_action_at IS NOT NULL AND test_clock_id IS NOT NULL AND parked_at IS NULL"),
    )
    op.create_index("ix_subscriptions_status", "subscriptions", ["status", "id"], unique=False)
    op.create_index(
        "uq_subscriptions_plan",
        "subscriptions",
        ["customer_id", "plan_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "invoices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("billing_reason", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("subtotal_minor", sa.BigInteger(), nullable=False),
        sa.Column("discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_due_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_credited_minor", sa.BigInteger(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("days_until_due", sa.SmallInteger(), nullable=False),
        sa.Column("payment_method_id", sa.Text(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finalized_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("metadata", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(status = 'draft') = (number IS NULL) AND (number IS NULL) = (finalized_at IS NULL)",
            name=op.f("ck_invoices_numbered_when_finalized"),
        ),
        sa.CheckConstraint("(status = 'paid') = (paid_at IS NOT NULL)", name=op.f("ck_invoices_paid_at_when_paid")),
        sa.CheckConstraint("(status = 'void') = (voided_at IS NOT NULL)", name=op.f("ck_invoices_voided_at_when_void")),
        sa.CheckConstraint(
            "billing_reason IN ('subscription_create', 'subscription_cycle', 'subscription_update', 'credit_purchase', 'manual')",
            name=op.f("ck_invoices_billing_reason_known"),
        ),
        sa.CheckConstraint("collection IN ('automatic', 'send_invoice')", name=op.f("ck_invoices_collection_known")),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_invoices_currency_iso4217")),
        sa.CheckConstraint(
            "status <> 'paid' OR amount_paid_minor = amount_due_minor", name=op.f("ck_invoices_paid_in_full")
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'open', 'paid', 'void', 'uncollectible')", name=op.f("ck_invoices_status_known")
        ),
        sa.CheckConstraint(
            "amount_credited_minor BETWEEN 0 AND greatest(total_minor, 0)",
            name=op.f("ck_invoices_credited_within_total"),
        ),
        sa.CheckConstraint("amount_due_minor = total_minor - balance_minor", name=op.f("ck_invoices_due_adds_up")),
        sa.CheckConstraint("amount_due_minor >= 0", name=op.f("ck_invoices_due_not_negative")),
        sa.CheckConstraint(
            "amount_paid_minor BETWEEN 0 AND amount_due_minor", name=op.f("ck_invoices_paid_within_due")
        ),
        sa.CheckConstraint("days_until_due BETWEEN 0 AND 365", name=op.f("ck_invoices_days_until_due_in_range")),
        sa.CheckConstraint("period_start <= period_end", name=op.f("ck_invoices_period_in_order")),
        sa.CheckConstraint(
            "total_minor = subtotal_minor - discount_minor + tax_minor", name=op.f("ck_invoices_total_adds_up")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_invoices_customer_id")),
        sa.ForeignKeyConstraint(["subscription_id"], ["subscriptions.id"], name=op.f("fk_invoices_subscription_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoices")),
    )
    op.create_index("ix_invoices_customer", "invoices", ["customer_id", "id"], unique=False)
    op.create_index("ix_invoices_status", "invoices", ["status", "id"], unique=False)
    op.create_index("ix_invoices_subscription", "invoices", ["subscription_id", "id"], unique=False)
    op.create_index("uq_invoices_number", "invoices", ["number"], unique=True)
    op.create_index(
        "uq_invoices_period",
        "invoices",
        ["subscription_id", "period_start"],
        unique=True,
        postgresql_where=sa.text("billing_reason IN ('subscription_create', 'subscription_cycle')"),
    )
    op.create_table(
        "plan_allowances",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("month_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("part", sa.SmallInteger(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("credits > 0", name=op.f("ck_plan_allowances_credits_positive")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_plan_allowances_customer_id")),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name=op.f("fk_plan_allowances_subscription_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_allowances")),
    )
    op.create_index(
        "ix_plan_allowances_due",
        "plan_allowances",
        ["id"],
        unique=False,
        postgresql_where=sa.text("granted_at IS NULL"),
    )
    op.create_index(
        "uq_plan_allowances_month", "plan_allowances", ["subscription_id", "month_start", "part"], unique=True
    )
    op.create_table(
        "subscription_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("wanted", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("num_nonnulls(applied_at, withdrawn_at) <= 1", name=op.f("ck_subscription_changes_one_end")),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name=op.f("fk_subscription_changes_subscription_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription_changes")),
    )
    op.create_index(
        "uq_subscription_changes_pending",
        "subscription_changes",
        ["subscription_id"],
        unique=True,
        postgresql_where=sa.text("applied_at IS NULL AND withdrawn_at IS NULL"),
    )
    op.create_table(
        "subscription_items",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("price_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_subscription_items_quantity_not_negative")),
        sa.CheckConstraint("started_at <= ended_at", name=op.f("ck_subscription_items_ends_after_start")),
        sa.ForeignKeyConstraint(["price_id"], ["prices.id"], name=op.f("fk_subscription_items_price_id")),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name=op.f("fk_subscription_items_subscription_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription_items")),
    )
    op.create_index("ix_subscription_items_subscription", "subscription_items", ["subscription_id", "id"], unique=False)
    op.create_index(
        "uq_subscription_items_price",
        "subscription_items",
        ["subscription_id", "price_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "invoice_lines",
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("formula", sa.Text(), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("price_id", sa.Uuid(), nullable=True),
        sa.Column("subscription_item_id", sa.Uuid(), nullable=True),
        sa.Column("share_parts", sa.BigInteger(), nullable=True),
        sa.Column("share_of", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_invoice_lines_currency_iso4217")),
        sa.CheckConstraint(
            "kind IN ('recurring', 'proration_credit', 'proration_charge', 'usage', 'one_off', 'credit_pack')",
            name=op.f("ck_invoice_lines_kind_known"),
        ),
        sa.CheckConstraint("num_nonnulls(share_parts, share_of) IN (0, 2)", name=op.f("ck_invoice_lines_share_whole")),
        sa.CheckConstraint("period_start <= period_end", name=op.f("ck_invoice_lines_period_in_order")),
        sa.CheckConstraint("position >= 1", name=op.f("ck_invoice_lines_position_from_one")),
        sa.CheckConstraint(
            "share_parts BETWEEN 0 AND share_of AND share_of > 0", name=op.f("ck_invoice_lines_share_of_a_whole")
        ),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_invoice_lines_invoice_id")),
        sa.ForeignKeyConstraint(["price_id"], ["prices.id"], name=op.f("fk_invoice_lines_price_id")),
        sa.ForeignKeyConstraint(
            ["subscription_item_id"], ["subscription_items.id"], name=op.f("fk_invoice_lines_subscription_item_id")
        ),
        sa.PrimaryKeyConstraint("invoice_id", "position", name=op.f("pk_invoice_lines")),
    )
    op.create_index(
        "ix_invoice_lines_item",
        "invoice_lines",
        ["subscription_item_id"],
        unique=False,
        postgresql_where=sa.text("subscription_item_id IS NOT NULL"),
    )
    op.create_table(
        "invoice_taxes",
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rate", sa.Numeric(precision=7, scale=6), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("taxable_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_invoice_taxes_currency_iso4217")),
        sa.CheckConstraint("rate BETWEEN 0 AND 1", name=op.f("ck_invoice_taxes_rate_is_a_share")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_invoice_taxes_invoice_id")),
        sa.PrimaryKeyConstraint("invoice_id", "position", name=op.f("pk_invoice_taxes")),
    )
    op.create_table(
        "dunning_cases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=True),
        sa.Column("test_clock_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("failures", sa.SmallInteger(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("decline_code", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_step", sa.Text(), nullable=True),
        sa.Column("next_step_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(status = 'open') = (ended_at IS NULL)", name=op.f("ck_dunning_cases_ended_when_final")),
        sa.CheckConstraint("next_step IN ('retry', 'final_action')", name=op.f("ck_dunning_cases_next_step_known")),
        sa.CheckConstraint(
            "status = 'open' OR next_step IS NULL", name=op.f("ck_dunning_cases_nothing_next_when_ended")
        ),
        sa.CheckConstraint(
            "status IN ('open', 'recovered', 'exhausted', 'closed')", name=op.f("ck_dunning_cases_status_known")
        ),
        sa.CheckConstraint("failures >= 1", name=op.f("ck_dunning_cases_failed_before")),
        sa.CheckConstraint(
            "num_nonnulls(next_step, next_step_at) IN (0, 2)", name=op.f("ck_dunning_cases_step_has_a_time")
        ),
        sa.ForeignKeyConstraint(["attempt_id"], ["payment_attempts.id"], name=op.f("fk_dunning_cases_attempt_id")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_dunning_cases_customer_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_dunning_cases_invoice_id")),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name=op.f("fk_dunning_cases_subscription_id")
        ),
        sa.ForeignKeyConstraint(["test_clock_id"], ["test_clocks.id"], name=op.f("fk_dunning_cases_test_clock_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dunning_cases")),
        sa.UniqueConstraint("invoice_id", name=op.f("uq_dunning_cases_invoice_id")),
    )
    op.create_index("ix_dunning_cases_customer", "dunning_cases", ["customer_id", "id"], unique=False)
    op.create_index(
        "ix_dunning_cases_due",
        "dunning_cases",
        ["next_step_at"],
        unique=False,
        postgresql_where=sa.text("next_step_at IS NOT NULL AND test_clock_id IS NULL"),
    )
    op.create_index(
        "ix_dunning_cases_due_on_clock",
        "dunning_cases",
        ["test_clock_id", "next_step_at"],
        unique=False,
        postgresql_where=sa.text("next_step_at IS NOT NULL AND test_clock_id IS NOT NULL"),
    )
    op.add_column("payments", sa.Column("invoice_id", sa.Uuid(), nullable=True))
    op.create_index(
        "uq_payments_invoice",
        "payments",
        ["invoice_id"],
        unique=True,
        postgresql_where=sa.text("invoice_id IS NOT NULL AND status NOT IN ('canceled', 'failed')"),
    )
    op.create_foreign_key(op.f("fk_payments_invoice_id"), "payments", "invoices", ["invoice_id"], ["id"])

    op.create_check_constraint(
        op.f("ck_payments_invoice_when_that_is_paid"), "payments", "(purpose = 'invoice') = (invoice_id IS NOT NULL)"
    )


def downgrade() -> None:
    op.drop_column("payments", "invoice_id")
    op.drop_table("dunning_cases")
    op.drop_table("invoice_taxes")
    op.drop_table("invoice_lines")
    op.drop_table("subscription_items")
    op.drop_table("subscription_changes")
    op.drop_table("plan_allowances")
    op.drop_table("invoices")
    op.drop_table("subscriptions")
    op.drop_table("customer_balances")
    op.drop_table("invoice_series")
    replace_check("ck_payments_purpose_known", "payments", "purpose IN ('sale', 'credits')")
    replace_check("ck_ledger_entries_kind_known", "ledger_entries", f"kind IN ({without(KINDS, NEW_KINDS)})")
    replace_check(
        "ck_ledger_postings_customer_named",
        "ledger_postings",
        f"customer_id IS NOT NULL OR account NOT IN ({without(OF_CUSTOMERS, NEW_OF_CUSTOMERS)})",
    )
    replace_check(
        "ck_ledger_postings_account_known", "ledger_postings", f"account IN ({without(ACCOUNTS, NEW_ACCOUNTS)})"
    )
