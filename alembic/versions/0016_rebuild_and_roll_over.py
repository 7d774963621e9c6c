"""Credits: what a rebuild reads is found by when it was made; what a month carries over from the one before it."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0013"
branch_labels = None
depends_on = None


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


def downgrade() -> None:
    op.drop_index("ix_credit_transactions_expired", table_name="credit_transactions")
    op.drop_index("ix_credit_transactions_received", table_name="credit_transactions")
    op.drop_index("ix_credit_transactions_created", table_name="credit_transactions")
