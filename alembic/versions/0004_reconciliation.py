"""Reconciliation: its runs, and the differences that they found."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reconciliation_runs",
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("slices", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("totals", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("failures", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("postponements", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(status = 'running') = (finished_at IS NULL)", name=op.f("ck_reconciliation_runs_finished_when_over")
        ),
        sa.CheckConstraint(
            "(status = 'running') = (next_attempt_at IS NOT NULL)",
            name=op.f("ck_reconciliation_runs_due_until_finished"),
        ),
        sa.CheckConstraint(
            "status IN ('running', 'finished', 'failed')", name=op.f("ck_reconciliation_runs_status_known")
        ),
        sa.CheckConstraint(
            "step IN ('payments', 'refunds', 'disputes', 'unseen_payments', 'unseen_refunds', 'unseen_disputes', 'unsettled_attempts', 'unsettled_refunds', 'review', 'balance', 'review_balance')",
            name=op.f("ck_reconciliation_runs_step_known"),
        ),
        sa.CheckConstraint("since < until", name=op.f("ck_reconciliation_runs_window_not_empty")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_runs")),
    )
    op.create_index(
        "ix_reconciliation_runs_due",
        "reconciliation_runs",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.create_index(
        "uq_reconciliation_runs_running",
        "reconciliation_runs",
        ["status"],
        unique=True,
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_table(
        "reconciliation_differences",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("object_type", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("our_id", sa.Text(), nullable=True),
        sa.Column("gateway_id", sa.Text(), nullable=True),
        sa.Column("ours", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("theirs", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("mend", sa.Text(), nullable=False),
        sa.Column("mend_detail", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("first_run_id", sa.Uuid(), nullable=False),
        sa.Column("reviewed_run_id", sa.Uuid(), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'open') = (settled_at IS NULL)", name=op.f("ck_reconciliation_differences_settled_unless_open")
        ),
        sa.CheckConstraint(
            "kind IN ('missing_here', 'missing_there', 'amount_differs', 'currency_differs', 'status_differs', 'duplicate_there', 'attempt_unsettled')",
            name=op.f("ck_reconciliation_differences_kind_known"),
        ),
        sa.CheckConstraint(
            "mend IN ('apply_gateway_state', 'judge_foreign_object', 'find_lost_object', 'correct_amount', 'refund_duplicate', 'settle_attempt', 'inspect_refusal')",
            name=op.f("ck_reconciliation_differences_mend_known"),
        ),
        sa.CheckConstraint(
            "object_type IN ('payment', 'refund', 'dispute', 'balance_transaction', 'attempt')",
            name=op.f("ck_reconciliation_differences_object_type_known"),
        ),
        sa.CheckConstraint(
            "state <> 'dismissed' OR reason IS NOT NULL",
            name=op.f("ck_reconciliation_differences_dismissed_with_a_reason"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'mended', 'dismissed')", name=op.f("ck_reconciliation_differences_state_known")
        ),
        sa.CheckConstraint(
            "(settled_at IS NULL) = (settled_by IS NULL)",
            name=op.f("ck_reconciliation_differences_settled_by_somebody"),
        ),
        sa.ForeignKeyConstraint(
            ["first_run_id"], ["reconciliation_runs.id"], name=op.f("fk_reconciliation_differences_first_run_id")
        ),
        sa.ForeignKeyConstraint(
            ["reviewed_run_id"], ["reconciliation_runs.id"], name=op.f("fk_reconciliation_differences_reviewed_run_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_differences")),
    )
    op.create_index(
        "ix_reconciliation_differences_subject", "reconciliation_differences", ["subject", "id"], unique=False
    )
    op.create_index(
        "uq_reconciliation_differences_open",
        "reconciliation_differences",
        ["object_type", "subject", "kind"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "reconciliation_seen",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("object_type", sa.Text(), nullable=False),
        sa.Column("gateway_id", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "object_type IN ('payment', 'refund', 'dispute', 'balance_transaction', 'attempt')",
            name=op.f("ck_reconciliation_seen_object_type_known"),
        ),
        sa.ForeignKeyConstraint(["run_id"], ["reconciliation_runs.id"], name=op.f("fk_reconciliation_seen_run_id")),
        sa.PrimaryKeyConstraint("run_id", "object_type", "gateway_id", name=op.f("pk_reconciliation_seen")),
    )
    op.create_table(
        "reconciliation_findings",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("difference_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["difference_id"],
            ["reconciliation_differences.id"],
            name=op.f("fk_reconciliation_findings_difference_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["run_id"], ["reconciliation_runs.id"], name=op.f("fk_reconciliation_findings_run_id")),
        sa.PrimaryKeyConstraint("run_id", "difference_id", name=op.f("pk_reconciliation_findings")),
    )
    op.create_index(
        "ix_refunds_moving",
        "refunds",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status IN ('pending', 'requires_action')"),
    )
    op.create_index("ix_reconciliation_findings_difference", "reconciliation_findings", ["difference_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_refunds_moving", table_name="refunds")
    op.drop_index("ix_reconciliation_findings_difference", table_name="reconciliation_findings")
    op.drop_table("reconciliation_findings")
    op.drop_table("reconciliation_seen")
    op.drop_index(
        "uq_reconciliation_differences_open",
        table_name="reconciliation_differences",
        postgresql_where=sa.text("state = 'open'"),
    )
    op.drop_index("ix_reconciliation_differences_subject", table_name="reconciliation_differences")
    op.drop_table("reconciliation_differences")
    op.drop_index(
        "uq_reconciliation_runs_running",
        table_name="reconciliation_runs",
        postgresql_where=sa.text("status = 'running'"),
    )
    op.drop_index(
        "ix_reconciliation_runs_due",
        table_name="reconciliation_runs",
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.drop_table("reconciliation_runs")
