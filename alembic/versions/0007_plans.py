"""The catalog of plans with its four plans, and how much of them is used."""

from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MB, GB = 10**6, 10**9
UNLIMITED = None
# Code, name, description, trial days (None: TRIAL_PERIOD_DAYS), credits a month, cents a month and a year, and then
# projects, users, ai_requests, storage in bytes, support. Lists show the newest id first: free has the newest.
PLANS = (
    ("free", "Free", "For trying it out.", 0, 100, (0, 0), (1, 1, 10, 100 * MB, "community")),
    ("pro", "Pro", "For professionals and small groups.", None, 1_000, (2_900, 29_000), (10, 5, 100, 10 * GB, "email")),
    ("team", "Team", "For teams that work together.", None, 5_000, (9_900, 99_000), (50, 20, 500, 100 * GB, "priority")),
    ("enterprise", "Enterprise", "Without limits, at a price of its own.", 0, UNLIMITED, (),
     (UNLIMITED, UNLIMITED, UNLIMITED, UNLIMITED, "dedicated")),
)
FEATURES = ("projects", "users", "ai_requests", "storage")
INTERVALS = ("month", "year")


def fixed_id(number: int) -> UUID:
    """Return a UUIDv7 of 2025-11-23: the ids are the same in every installation."""
    return UUID(f"019ab000-0000-7000-8000-{number:012x}")


def upgrade() -> None:
    plans = op.create_table(
        "plans",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("trial_days", sa.BigInteger(), nullable=True),
        sa.Column("credits_per_month", sa.BigInteger(), nullable=True),
        sa.Column("credits_unlimited", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("code ~ '^[a-z][a-z0-9-]{0,31}$'", name=op.f("ck_plans_code_is_a_word")),
        sa.CheckConstraint("trial_days >= 0", name=op.f("ck_plans_trial_days_not_negative")),
        sa.CheckConstraint("credits_per_month >= 0", name=op.f("ck_plans_credits_not_negative")),
        sa.CheckConstraint(
            "(credits_per_month IS NULL) = credits_unlimited", name=op.f("ck_plans_credits_counted_or_unlimited")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
        sa.UniqueConstraint("code", name=op.f("uq_plans_code")),
    )
    prices = op.create_table(
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
    features = op.create_table(
        "plan_features",
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("feature", sa.Text(), nullable=False),
        sa.Column("limit_value", sa.BigInteger(), nullable=True),
        sa.Column("unlimited", sa.Boolean(), nullable=False),
        sa.Column("text_value", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "limit_value BETWEEN 0 AND 1000000000000000000", name=op.f("ck_plan_features_limit_in_range")
        ),
        sa.CheckConstraint(
            "num_nonnulls(limit_value, text_value) + unlimited::int = 1", name=op.f("ck_plan_features_one_value")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_plan_features_plan_id")),
        sa.PrimaryKeyConstraint("plan_id", "feature", name=op.f("pk_plan_features")),
    )
    op.create_table(
        "entitlement_uses",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("feature", sa.Text(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("used >= 0", name=op.f("ck_entitlement_uses_used_not_negative")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_entitlement_uses_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", "feature", "period_start", name=op.f("pk_entitlement_uses")),
    )
    for position, (code, name, description, trial_days, credits, amounts, values) in enumerate(PLANS, start=1):
        plan_number = len(PLANS) + 1 - position
        plan_id = fixed_id(plan_number)
        op.execute(
            sa.insert(plans).values(
                id=plan_id, code=code, name=name, description=description, position=position, trial_days=trial_days,
                credits_per_month=credits, credits_unlimited=credits is UNLIMITED, active=True,
                created_at=sa.func.now(), updated_at=sa.func.now(),
            )
        )  # fmt: skip
        for number, (interval, amount_minor) in enumerate(zip(INTERVALS, amounts, strict=False), start=1):
            op.execute(
                sa.insert(prices).values(
                    id=fixed_id(plan_number * 16 + number), plan_id=plan_id, interval=interval, currency="USD",
                    amount_minor=amount_minor,
                )
            )  # fmt: skip
        *limits, support = values
        for feature, limit in zip(FEATURES, limits, strict=True):
            op.execute(
                sa.insert(features).values(
                    plan_id=plan_id, feature=feature, limit_value=limit, unlimited=limit is UNLIMITED
                )
            )
        op.execute(
            sa.insert(features).values(plan_id=plan_id, feature="support", unlimited=False, text_value=support)
        )


def downgrade() -> None:
    op.drop_table("entitlement_uses")
    op.drop_table("plan_features")
    op.drop_table("plan_prices")
    op.drop_table("plans")
