"""Usage: meters, the events that were reported, what they add up to, and what is still to be charged for them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "meters",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("aggregation", sa.Text(), nullable=False),
        sa.Column("value_property", sa.Text(), nullable=True),
        sa.Column("credits_numerator", sa.BigInteger(), nullable=True),
        sa.Column("credits_denominator", sa.BigInteger(), nullable=True),
        sa.Column("rounding", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("aggregation IN ('count', 'sum')", name=op.f("ck_meters_aggregation_known")),
        sa.CheckConstraint("rounding IN ('down', 'half_up', 'up')", name=op.f("ck_meters_rounding_known")),
        sa.CheckConstraint("code ~ '^[a-z][a-z0-9_]{0,63}$'", name=op.f("ck_meters_code_is_a_word")),
        sa.CheckConstraint(
            "(aggregation = 'sum') = (value_property IS NOT NULL)", name=op.f("ck_meters_sum_of_a_property")
        ),
        sa.CheckConstraint(
            "num_nonnulls(credits_numerator, credits_denominator, rounding) IN (0, 3)",
            name=op.f("ck_meters_rate_all_or_nothing"),
        ),
        sa.CheckConstraint("credits_numerator > 0 AND credits_denominator > 0", name=op.f("ck_meters_rate_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meters")),
        sa.UniqueConstraint("code", name=op.f("uq_meters_code")),
    )
    op.create_index(
        "uq_meters_event_type", "meters", ["event_type"], unique=True, postgresql_where=sa.text("retired_at IS NULL")
    )
    op.create_table(
        "usage_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("meter_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quantity", sa.Numeric(25, 9), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "quantity BETWEEN 0 AND 1000000000000000", name=op.f("ck_usage_events_quantity_in_range")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_usage_events_customer_id")),
        sa.ForeignKeyConstraint(["meter_id"], ["meters.id"], name=op.f("fk_usage_events_meter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_events")),
        sa.UniqueConstraint("event_id", "source", name=op.f("uq_usage_events_event_id_source")),
    )
    op.create_index("ix_usage_events_customer", "usage_events", ["customer_id", "id"], unique=False)
    op.create_table(
        "usage_totals",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("meter_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("quantity", sa.Numeric(38, 9), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity >= 0 AND count > 0", name=op.f("ck_usage_totals_something_was_counted")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_usage_totals_customer_id")),
        sa.ForeignKeyConstraint(["meter_id"], ["meters.id"], name=op.f("fk_usage_totals_meter_id")),
        sa.PrimaryKeyConstraint("customer_id", "meter_id", "day", name=op.f("pk_usage_totals")),
    )
    op.create_table(
        "usage_charges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("charged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("failures", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("postponements", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'charged', 'failed')", name=op.f("ck_usage_charges_status_known")
        ),
        sa.CheckConstraint("credits > 0", name=op.f("ck_usage_charges_credits_positive")),
        sa.CheckConstraint(
            "(status = 'pending') = (next_attempt_at IS NOT NULL)", name=op.f("ck_usage_charges_due_while_pending")
        ),
        sa.CheckConstraint(
            "(status = 'charged') = (charged_at IS NOT NULL)", name=op.f("ck_usage_charges_charged_at_some_time")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_usage_charges_customer_id")),
        sa.ForeignKeyConstraint(["id"], ["usage_events.id"], name=op.f("fk_usage_charges_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_charges")),
    )
    op.create_index(
        "ix_usage_charges_due",
        "usage_charges",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.execute(
        "CREATE TRIGGER usage_events_append_only BEFORE UPDATE OR DELETE ON usage_events "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER usage_events_no_truncate BEFORE TRUNCATE ON usage_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("usage_charges")
    op.drop_table("usage_totals")
    op.drop_table("usage_events")
    op.drop_table("meters")
