"""The catalog as published versions: prices of any scheme, for everybody or for one customer, and coupons.

What the plans say becomes their version 1, under the plan's own id, so that it is the same in every installation. The release
before reads columns that go away here: its processes are stopped first.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_CURRENT = "SELECT DISTINCT ON (plan_id) * FROM plan_versions ORDER BY plan_id, number DESC"


def upgrade() -> None:
    op.add_column("plans", sa.Column("kind", sa.Text(), server_default=sa.text("'plan'"), nullable=False))
    op.alter_column("plans", "kind", server_default=None)
    op.create_check_constraint(op.f("ck_plans_kind_known"), "plans", "kind IN ('plan', 'addon')")
    _create_versions()
    _create_prices()
    _create_coupons()
    op.execute(
        "INSERT INTO plan_versions (id, plan_id, number, trial_days, credits_per_month, credits_unlimited, published_at) "
        "SELECT id, id, 1, trial_days, credits_per_month, credits_unlimited, created_at FROM plans"
    )
    op.execute(
        "INSERT INTO prices (id, version_id, interval, currency, scheme, unit_amount, tax_behavior, created_at) "
        "SELECT p.id, p.plan_id, p.interval, p.currency, 'flat', p.amount_minor, 'exclusive', plans.created_at "
        "FROM plan_prices p JOIN plans ON plans.id = p.plan_id"
    )
    _features_of("plan_versions", "version_id", instead_of="plan_id", found_by="SELECT id AS new, id AS old FROM plans")
    op.drop_table("plan_prices")
    for column in ("trial_days", "credits_per_month", "credits_unlimited"):
        op.drop_column("plans", column)  # and with it the checks that name it
    _guard()


def _features_of(table: str, column: str, *, instead_of: str, found_by: str) -> None:
    """Let features belong to another table's rows. The column is a new one: a renamed one keeps the name of its NOT NULL."""
    op.add_column("plan_features", sa.Column(column, sa.Uuid(), nullable=True))
    op.execute(f"UPDATE plan_features SET {column} = found.new FROM ({found_by}) found WHERE {instead_of} = found.old")
    op.execute(f"DELETE FROM plan_features WHERE {column} IS NULL")
    op.drop_column("plan_features", instead_of)  # and with it the primary and the foreign key
    op.alter_column("plan_features", column, nullable=False)
    op.create_primary_key(op.f("pk_plan_features"), "plan_features", [column, "feature"])
    op.create_foreign_key(op.f(f"fk_plan_features_{column}"), "plan_features", table, [column], ["id"])


def _create_versions() -> None:
    op.create_table(
        "plan_versions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("trial_days", sa.BigInteger(), nullable=True),
        sa.Column("credits_per_month", sa.BigInteger(), nullable=True),
        sa.Column("credits_unlimited", sa.Boolean(), nullable=False),
        sa.Column("credits_roll_over_max", sa.BigInteger(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "recorded_in",
            sa.BigInteger(),
            server_default=sa.text("(pg_current_xact_id()::text)::bigint"),
            nullable=False,
        ),
        sa.CheckConstraint("number > 0", name=op.f("ck_plan_versions_number_positive")),
        sa.CheckConstraint("trial_days >= 0", name=op.f("ck_plan_versions_trial_days_not_negative")),
        sa.CheckConstraint("credits_per_month >= 0", name=op.f("ck_plan_versions_credits_not_negative")),
        sa.CheckConstraint(
            "(credits_per_month IS NULL) = credits_unlimited", name=op.f("ck_plan_versions_credits_counted_or_unlimited")
        ),
        sa.CheckConstraint("credits_roll_over_max > 0", name=op.f("ck_plan_versions_roll_over_positive")),
        sa.CheckConstraint(
            "credits_roll_over_max IS NULL OR NOT credits_unlimited",
            name=op.f("ck_plan_versions_roll_over_of_counted_credits"),
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_plan_versions_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_versions")),
        sa.UniqueConstraint("plan_id", "number", name=op.f("uq_plan_versions_plan_id_number")),
    )


def _create_prices() -> None:
    op.create_table(
        "prices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("component", sa.Text(), server_default=sa.text("'base'"), nullable=False),
        sa.Column("interval", sa.Text(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("unit_amount", sa.Numeric(20, 8), nullable=True),
        sa.Column("package_size", sa.BigInteger(), nullable=True),
        sa.Column("tiers", postgresql.JSONB(), nullable=True),
        sa.Column("meter", sa.Text(), nullable=True),
        sa.Column("tax_behavior", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("interval IN ('week', 'month', 'quarter', 'year')", name=op.f("ck_prices_interval_known")),
        sa.CheckConstraint(
            "scheme IN ('flat', 'per_unit', 'graduated', 'volume', 'package')", name=op.f("ck_prices_scheme_known")
        ),
        sa.CheckConstraint("tax_behavior IN ('exclusive', 'inclusive')", name=op.f("ck_prices_tax_behavior_known")),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_prices_currency_iso4217")),
        sa.CheckConstraint("component ~ '^[a-z][a-z0-9_]{0,31}$'", name=op.f("ck_prices_component_is_a_word")),
        sa.CheckConstraint("unit_amount BETWEEN 0 AND 999999999999", name=op.f("ck_prices_unit_amount_in_range")),
        sa.CheckConstraint(
            "(unit_amount IS NULL) = (scheme IN ('graduated', 'volume'))",
            name=op.f("ck_prices_unit_amount_without_tiers"),
        ),
        sa.CheckConstraint(
            "(tiers IS NOT NULL) = (scheme IN ('graduated', 'volume'))", name=op.f("ck_prices_tiers_with_their_schemes")
        ),
        sa.CheckConstraint(
            "tiers IS NULL OR (jsonb_typeof(tiers) = 'array' AND coalesce(tiers -> -1 -> 'up_to' = 'null', false))",
            name=op.f("ck_prices_last_tier_is_open"),
        ),
        sa.CheckConstraint(
            "(package_size IS NOT NULL) = (scheme = 'package')", name=op.f("ck_prices_packages_have_a_size")
        ),
        sa.CheckConstraint("package_size > 0", name=op.f("ck_prices_package_size_positive")),
        sa.CheckConstraint("meter IS NULL OR scheme <> 'flat'", name=op.f("ck_prices_usage_is_multiplied")),
        sa.ForeignKeyConstraint(["version_id"], ["plan_versions.id"], name=op.f("fk_prices_version_id")),
        sa.ForeignKeyConstraint(["meter"], ["meters.code"], name=op.f("fk_prices_meter")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_prices_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prices")),
    )
    op.create_index(
        "uq_prices_list",
        "prices",
        ["version_id", "component", "interval", "currency"],
        unique=True,
        postgresql_where=sa.text("customer_id IS NULL"),
    )
    op.create_index(
        "ix_prices_customer",
        "prices",
        ["customer_id", "version_id"],
        postgresql_where=sa.text("customer_id IS NOT NULL"),
    )


def _create_coupons() -> None:
    op.create_table(
        "coupons",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("percent_off", sa.Numeric(5, 2), nullable=True),
        sa.Column("amount_off_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.CHAR(length=3), nullable=True),
        sa.Column("duration", sa.Text(), nullable=False),
        sa.Column("duration_months", sa.BigInteger(), nullable=True),
        sa.Column("redemptions_max", sa.BigInteger(), nullable=True),
        sa.Column("redeem_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("duration IN ('once', 'repeating', 'forever')", name=op.f("ck_coupons_duration_known")),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_coupons_currency_iso4217")),
        sa.CheckConstraint("code ~ '^[A-Za-z0-9][A-Za-z0-9-]{0,63}$'", name=op.f("ck_coupons_code_is_a_word")),
        sa.CheckConstraint(
            "num_nonnulls(percent_off, amount_off_minor) = 1", name=op.f("ck_coupons_percent_or_amount")
        ),
        sa.CheckConstraint("percent_off > 0 AND percent_off <= 100", name=op.f("ck_coupons_percent_off_in_range")),
        sa.CheckConstraint("amount_off_minor > 0", name=op.f("ck_coupons_amount_off_positive")),
        sa.CheckConstraint(
            "(amount_off_minor IS NULL) = (currency IS NULL)", name=op.f("ck_coupons_amount_off_beside_its_currency")
        ),
        sa.CheckConstraint(
            "(duration = 'repeating') = (duration_months IS NOT NULL)", name=op.f("ck_coupons_repeating_for_months")
        ),
        sa.CheckConstraint("duration_months > 0", name=op.f("ck_coupons_duration_months_positive")),
        sa.CheckConstraint("redemptions_max > 0", name=op.f("ck_coupons_redemptions_max_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupons")),
        sa.UniqueConstraint("code", name=op.f("uq_coupons_code")),
    )


def _guard() -> None:
    # What a version says is complete when it is committed: a price or a feature that came later would change its terms.
    op.execute(
        """
        CREATE FUNCTION catalog_refuse_more() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            published text;
        BEGIN
            SELECT p.code || ' ' || v.number INTO published FROM plan_versions v JOIN plans p ON p.id = v.plan_id
            WHERE v.id = NEW.version_id AND v.recorded_in <> (pg_current_xact_id()::text)::bigint;
            IF FOUND THEN
                RAISE EXCEPTION 'version % is published: one more of % refused', published, TG_TABLE_NAME
                USING ERRCODE = 'insufficient_privilege';
            END IF;
            RETURN NEW;
        END
        $$
        """
    )
    op.execute(
        "CREATE TRIGGER prices_no_more BEFORE INSERT ON prices "
        "FOR EACH ROW WHEN (NEW.customer_id IS NULL) EXECUTE FUNCTION catalog_refuse_more()"
    )
    op.execute(
        "CREATE TRIGGER plan_features_no_more BEFORE INSERT ON plan_features "
        "FOR EACH ROW EXECUTE FUNCTION catalog_refuse_more()"
    )
    for table in ("plan_versions", "plan_features"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    # A customer's own price goes with the customer; it is not changed either.
    op.execute(
        "CREATE TRIGGER prices_append_only BEFORE UPDATE ON prices FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER prices_list_stays BEFORE DELETE ON prices "
        "FOR EACH ROW WHEN (OLD.customer_id IS NULL) EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER coupons_terms_stay BEFORE UPDATE ON coupons FOR EACH ROW WHEN ("
        "(OLD.code, OLD.percent_off, OLD.amount_off_minor, OLD.currency, OLD.duration, OLD.duration_months) IS DISTINCT FROM "
        "(NEW.code, NEW.percent_off, NEW.amount_off_minor, NEW.currency, NEW.duration, NEW.duration_months)) "
        "EXECUTE FUNCTION refuse_change()"
    )
    for table in ("plan_versions", "plan_features", "prices"):
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    """Leave what the release before can say: flat prices by the month and the year of each plan's current version."""
    op.execute("DROP TRIGGER plan_features_append_only ON plan_features")
    op.execute("DROP TRIGGER plan_features_no_more ON plan_features")
    op.execute("DROP TRIGGER plan_features_no_truncate ON plan_features")
    op.add_column("plans", sa.Column("trial_days", sa.BigInteger(), nullable=True))
    op.add_column("plans", sa.Column("credits_per_month", sa.BigInteger(), nullable=True))
    op.add_column("plans", sa.Column("credits_unlimited", sa.Boolean(), nullable=True))
    op.execute(
        "UPDATE plans SET trial_days = v.trial_days, credits_per_month = v.credits_per_month, "
        f"credits_unlimited = v.credits_unlimited FROM ({_CURRENT}) v WHERE v.plan_id = plans.id"
    )
    # Nothing can be said of a plan without a version, and nobody has one.
    op.execute("UPDATE plans SET credits_per_month = 0, credits_unlimited = false WHERE credits_unlimited IS NULL")
    op.execute("UPDATE plans SET active = false WHERE kind = 'addon'")
    op.alter_column("plans", "credits_unlimited", nullable=False)
    op.create_check_constraint(op.f("ck_plans_trial_days_not_negative"), "plans", "trial_days >= 0")
    op.create_check_constraint(op.f("ck_plans_credits_not_negative"), "plans", "credits_per_month >= 0")
    op.create_check_constraint(
        op.f("ck_plans_credits_counted_or_unlimited"), "plans", "(credits_per_month IS NULL) = credits_unlimited"
    )
    op.drop_column("plans", "kind")
    op.create_table(
        "plan_prices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("interval", sa.Text(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("interval IN ('month', 'year')", name=op.f("ck_plan_prices_interval_known")),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_plan_prices_currency_iso4217")),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_plan_prices_amount_not_negative")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_plan_prices_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_prices")),
        sa.UniqueConstraint("plan_id", "interval", "currency", name=op.f("uq_plan_prices_plan_id_interval_currency")),
    )
    op.execute(
        "INSERT INTO plan_prices (id, plan_id, interval, currency, amount_minor) "
        "SELECT p.id, v.plan_id, p.interval, p.currency, p.unit_amount "
        f"FROM prices p JOIN ({_CURRENT}) v ON v.id = p.version_id "
        "WHERE p.customer_id IS NULL AND p.component = 'base' AND p.scheme = 'flat' "
        "AND p.interval IN ('month', 'year') AND p.unit_amount = trunc(p.unit_amount)"
    )
    current = f"SELECT plan_id AS new, id AS old FROM ({_CURRENT}) v"
    _features_of("plans", "plan_id", instead_of="version_id", found_by=current)
    op.drop_table("prices")
    op.drop_table("plan_versions")
    op.drop_table("coupons")
    op.execute("DROP FUNCTION catalog_refuse_more()")
