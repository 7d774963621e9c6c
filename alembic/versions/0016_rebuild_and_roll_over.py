"""Credits: what a rebuild reads is found by when it was made; what a month carries over; whose plans have no limit."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_RULES = {
    "roll_over_positive": "roll_over_max > 0",
    "rolled_over_within_max": "rolled_over BETWEEN 0 AND roll_over_max",
    "rolled_over_as_a_whole": "num_nonnulls(rolled_over, roll_over_id) IN (0, 2) "
    "AND (rolled_over IS NULL OR roll_over_max IS NOT NULL)",
}


def upgrade() -> None:
    # Not concurrently: that waits for everybody, also for who waits behind this migration's lock.
    op.create_index(
        "ix_credit_transactions_created",
        "credit_transactions",
        ["created_at"],
        postgresql_using="brin",
        postgresql_with={"autosummarize": "on"},
    )
    op.create_index(
        "ix_credit_transactions_received",
        "credit_transactions",
        ["created_at"],
        postgresql_where=sa.text("type = 'transfer_in'"),
    )
    op.create_index(
        "ix_credit_transactions_expired",
        "credit_transactions",
        ["reference"],
        postgresql_where=sa.text("type = 'grant_expired'"),
    )


    op.add_column("plan_allowances", sa.Column("roll_over_max", sa.BigInteger(), nullable=True))
    op.add_column("plan_allowances", sa.Column("rolled_over", sa.BigInteger(), nullable=True))
    op.add_column("plan_allowances", sa.Column("roll_over_id", sa.Uuid(), nullable=True))
    for name, rule in _RULES.items():
        op.create_check_constraint(op.f(f"ck_plan_allowances_{name}"), "plan_allowances", rule)
    op.create_table(
        "plan_credit_limits",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("unlimited", sa.Boolean(), nullable=False),
        sa.Column("pending_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_plan_credit_limits_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_plan_credit_limits")),
    )


def downgrade() -> None:
    op.drop_table("plan_credit_limits")
    for name in _RULES:
        op.drop_constraint(op.f(f"ck_plan_allowances_{name}"), "plan_allowances")
    for column in ("roll_over_max", "rolled_over", "roll_over_id"):
        op.drop_column("plan_allowances", column)
    op.drop_index("ix_credit_transactions_expired", table_name="credit_transactions")
    op.drop_index("ix_credit_transactions_received", table_name="credit_transactions")
    op.drop_index("ix_credit_transactions_created", table_name="credit_transactions")
