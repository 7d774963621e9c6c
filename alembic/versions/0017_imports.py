"""What another system called the customers and subscriptions that were imported from it, once each."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("customers", sa.Column("external_id", sa.Text(), nullable=True))
    op.add_column("subscriptions", sa.Column("external_id", sa.Text(), nullable=True))
    # Nothing is in them yet: one reading of each table.
    op.create_index(
        "uq_customers_external_id",
        "customers",
        ["external_id"],
        unique=True,
        postgresql_where=sa.text("external_id IS NOT NULL AND deleted_at IS NULL"),
    )
    op.create_index(
        "uq_subscriptions_external_id",
        "subscriptions",
        ["customer_id", "external_id"],
        unique=True,
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_column("subscriptions", "external_id")
    op.drop_column("customers", "external_id")
