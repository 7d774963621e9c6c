"""The plans that a new database has are those of the specification, and no price is guessed."""

from tests.migrations.databases import Database

MB, GB = 10**6, 10**9


def test_plans_and_their_credits(migrated: Database) -> None:
    with migrated.connect() as connection:
        found = connection.execute(
            "SELECT code, number, credits_per_month, credits_unlimited, trial_days, active, kind FROM plans"
            " JOIN plan_versions v ON v.plan_id = plans.id ORDER BY position"
        ).fetchall()

    assert found == [
        ("free", 1, 100, False, 0, True, "plan"),
        ("pro", 1, 1_000, False, None, True, "plan"),
        ("team", 1, 5_000, False, None, True, "plan"),
        ("enterprise", 1, None, True, 0, True, "plan"),
    ]


def test_prices(migrated: Database) -> None:
    with migrated.connect() as connection:
        found = connection.execute(
            "SELECT code, component, interval, currency, scheme, unit_amount, tax_behavior FROM prices"
            " JOIN plan_versions v ON v.id = version_id JOIN plans ON plans.id = v.plan_id ORDER BY position, interval"
        ).fetchall()

    assert found == [
        ("free", "base", "month", "USD", "flat", 0, "exclusive"),
        ("free", "base", "year", "USD", "flat", 0, "exclusive"),
        ("pro", "base", "month", "USD", "flat", 2_900, "exclusive"),
        ("pro", "base", "year", "USD", "flat", 29_000, "exclusive"),
        ("team", "base", "month", "USD", "flat", 9_900, "exclusive"),
        ("team", "base", "year", "USD", "flat", 99_000, "exclusive"),
    ]


def test_features(migrated: Database) -> None:
    with migrated.connect() as connection:
        rows = connection.execute(
            "SELECT code, feature, limit_value, unlimited, text_value FROM plan_features"
            " JOIN plan_versions v ON v.id = version_id JOIN plans ON plans.id = v.plan_id"
        ).fetchall()
    found = {
        (code, feature): "unlimited" if unlimited else limit or text for code, feature, limit, unlimited, text in rows
    }

    names = ("projects", "users", "ai_requests", "storage", "support")
    assert found == {
        (code, name): value
        for code, values in {
            "free": (1, 1, 10, 100 * MB, "community"),
            "pro": (10, 5, 100, 10 * GB, "email"),
            "team": (50, 20, 500, 100 * GB, "priority"),
            "enterprise": ("unlimited", "unlimited", "unlimited", "unlimited", "dedicated"),
        }.items()
        for name, value in zip(names, values, strict=True)
    }
