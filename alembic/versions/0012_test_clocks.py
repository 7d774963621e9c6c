"""Test clocks and their customers; operations that are about no customer, and how far they have come."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

OPEN_RESOURCE = "uq_operations_open_resource"


def upgrade() -> None:
    op.create_table(
        "test_clocks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("frozen_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("advanced_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("target_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('ready', 'advancing', 'deleted')", name=op.f("ck_test_clocks_status_known")),
        sa.CheckConstraint(
            "frozen_time >= TIMESTAMPTZ '2000-01-01 00:00:00+00'", name=op.f("ck_test_clocks_frozen_time_from_2000_on")
        ),
        sa.CheckConstraint(
            "num_nonnulls(advanced_from, target_time) = CASE status WHEN 'advancing' THEN 2 ELSE 0 END",
            name=op.f("ck_test_clocks_on_its_way_while_advancing"),
        ),
        sa.CheckConstraint(
            "frozen_time BETWEEN advanced_from AND target_time", name=op.f("ck_test_clocks_between_start_and_target")
        ),
        sa.CheckConstraint(
            "(status = 'deleted') = (deleted_at IS NOT NULL)", name=op.f("ck_test_clocks_deleted_at_some_time")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_test_clocks")),
    )
    op.add_column("customers", sa.Column("test_clock_id", sa.Uuid(), nullable=True))
    op.add_column("customers", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(op.f("fk_customers_test_clock_id"), "customers", "test_clocks", ["test_clock_id"], ["id"])
    op.create_check_constraint(
        op.f("ck_customers_deleted_with_its_clock"), "customers", "deleted_at IS NULL OR test_clock_id IS NOT NULL"
    )
    op.create_index(
        "ix_customers_test_clock",
        "customers",
        ["test_clock_id", "id"],
        unique=False,
        postgresql_where=sa.text("test_clock_id IS NOT NULL"),
    )
    op.add_column(
        "operations", sa.Column("progress", postgresql.JSONB(), nullable=True)
    )
    op.alter_column("operations", "customer_id", nullable=True)
    _open_resource(nulls_not_distinct=True)


def _open_resource(*, nulls_not_distinct: bool) -> None:
    """Make the index of open operations anew. Of those there are few, however many have finished."""
    op.drop_index(OPEN_RESOURCE, "operations")
    op.create_index(
        OPEN_RESOURCE,
        "operations",
        ["customer_id", "resource_type", "resource_id"],
        unique=True,
        postgresql_where=sa.text("finished_at IS NULL"),
        postgresql_nulls_not_distinct=nulls_not_distinct,
    )


def downgrade() -> None:
    op.execute(
        "DELETE FROM idempotency_keys k USING operations o WHERE o.id = k.operation_id AND o.customer_id IS NULL"
    )
    op.execute("DELETE FROM operations WHERE customer_id IS NULL")
    _open_resource(nulls_not_distinct=False)
    op.alter_column("operations", "customer_id", nullable=False)
    op.drop_column("operations", "progress")
    op.drop_index("ix_customers_test_clock", "customers")
    op.drop_constraint(op.f("ck_customers_deleted_with_its_clock"), "customers")
    op.drop_column("customers", "deleted_at")
    op.drop_column("customers", "test_clock_id")
    op.drop_table("test_clocks")
