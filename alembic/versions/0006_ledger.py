"""The ledger: entries and their postings, balanced at commit and written once; and the roll-up of its accounts.

What was captured, refunded and disputed before is posted by `billing ledger backfill`, in batches, once the release before has
stopped: until then it goes on writing such facts without posting them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_BRIN = {"autosummarize": "on"}
_TABLES = ("ledger_entries", "ledger_postings")


def upgrade() -> None:
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("lines", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('payment_captured', 'refund_paid', 'refund_returned', 'dispute_withdrawn', 'dispute_reinstated', 'gateway_fee', 'credits_granted', 'credits_purchased', 'credits_deducted', 'credits_held', 'credits_captured', 'credits_released', 'credits_transferred', 'credits_expired', 'credits_revoked', 'revenue_recognized', 'breakage_recognized')",
            name=op.f("ck_ledger_entries_kind_known"),
        ),
        sa.CheckConstraint("lines >= 2", name=op.f("ck_ledger_entries_lines_at_least_two")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_ledger_entries_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
        sa.UniqueConstraint("key", name=op.f("uq_ledger_entries_key")),
    )
    op.create_index(
        "ix_ledger_entries_customer",
        "ledger_entries",
        ["customer_id", "id"],
        postgresql_where=sa.text("customer_id IS NOT NULL"),
    )
    op.create_index(
        "ix_ledger_entries_reference",
        "ledger_entries",
        ["reference", "id"],
        postgresql_where=sa.text("reference IS NOT NULL"),
    )
    op.create_index("ix_ledger_entries_occurred", "ledger_entries", ["occurred_at"], postgresql_using="brin", postgresql_with=_BRIN)
    op.create_table(
        "ledger_postings",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column(
            "recorded_in",
            sa.BigInteger(),
            server_default=sa.text("(pg_current_xact_id()::text)::bigint"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "account IN ('gateway_clearing', 'gateway_fees', 'receivable', 'revenue', 'refunds', 'disputes', 'tax_payable', 'deferred_revenue', 'breakage_revenue', 'credits_issued', 'customer_credits', 'customer_credits_held', 'credits_spent', 'credits_expired', 'credits_in_transfer', 'credits_revoked', 'customer_credit_debt')",
            name=op.f("ck_ledger_postings_account_known"),
        ),
        sa.CheckConstraint("line > 0", name=op.f("ck_ledger_postings_line_positive")),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_ledger_postings_amount_not_zero")),
        sa.CheckConstraint("asset = 'credits' OR asset ~ '^[A-Z]{3}$'", name=op.f("ck_ledger_postings_asset_known")),
        sa.CheckConstraint(
            "(asset = 'credits') = (account IN ('credits_issued', 'customer_credits', 'customer_credits_held', 'credits_spent', 'credits_expired', 'credits_in_transfer', 'credits_revoked', 'customer_credit_debt'))",
            name=op.f("ck_ledger_postings_account_holds_asset"),
        ),
        sa.CheckConstraint(
            "customer_id IS NOT NULL OR account NOT IN ('deferred_revenue', 'customer_credits', 'customer_credits_held', 'customer_credit_debt')",
            name=op.f("ck_ledger_postings_customer_named"),
        ),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entries.id"], name=op.f("fk_ledger_postings_entry_id")),
        sa.PrimaryKeyConstraint("entry_id", "line", name=op.f("pk_ledger_postings")),
    )
    op.create_index("ix_ledger_postings_account", "ledger_postings", ["account", "asset", "entry_id"])
    op.create_index(
        "ix_ledger_postings_customer",
        "ledger_postings",
        ["customer_id", "account", "asset"],
        postgresql_where=sa.text("customer_id IS NOT NULL"),
    )
    op.create_index("ix_ledger_postings_recorded", "ledger_postings", ["recorded_in"], postgresql_using="brin", postgresql_with=_BRIN)
    op.create_table(
        "ledger_totals",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("debit", sa.BigInteger(), nullable=False),
        sa.Column("credit", sa.BigInteger(), nullable=False),
        sa.Column("up_to", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("debit >= 0 AND credit >= 0", name=op.f("ck_ledger_totals_sums_not_negative")),
        sa.PrimaryKeyConstraint("account", "asset", name=op.f("pk_ledger_totals")),
    )
    _guard()


def _guard() -> None:
    # Deferred to the commit, so that the postings may come in any number of statements and savepoints before it.
    op.execute(
        """
        CREATE FUNCTION ledger_require_balance() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            found bigint;
            broken bigint;
        BEGIN
            SELECT coalesce(sum(number), 0), count(*) FILTER (WHERE total <> 0) INTO found, broken FROM (
                SELECT count(*) AS number, sum(amount) AS total FROM ledger_postings WHERE entry_id = NEW.id GROUP BY asset
            ) sums;
            IF found <> NEW.lines THEN
                RAISE EXCEPTION 'ledger entry % (%) has % postings, and says that it has %', NEW.id, NEW.key, found, NEW.lines
                USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            IF broken > 0 THEN
                RAISE EXCEPTION 'ledger entry % (%) does not balance', NEW.id, NEW.key
                USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NULL;
        END
        $$
        """
    )
    op.execute(
        "CREATE CONSTRAINT TRIGGER ledger_entries_balance AFTER INSERT ON ledger_entries "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_require_balance()"
    )
    # What was committed has as many postings as it says, numbered from 1: one that comes later has a greater number.
    op.execute(
        """
        CREATE FUNCTION ledger_refuse_more() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            complete text;
        BEGIN
            SELECT e.key INTO complete FROM added a JOIN ledger_entries e ON e.id = a.entry_id
            WHERE a.line > e.lines LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION 'ledger entry % has all of its postings: one more refused', complete
                USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NULL;
        END
        $$
        """
    )
    op.execute(
        "CREATE TRIGGER ledger_postings_no_more AFTER INSERT ON ledger_postings "
        "REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_more()"
    )
    for table in _TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    op.drop_table("ledger_totals")
    op.drop_table("ledger_postings")
    op.drop_table("ledger_entries")
    op.execute("DROP FUNCTION ledger_refuse_more()")
    op.execute("DROP FUNCTION ledger_require_balance()")
