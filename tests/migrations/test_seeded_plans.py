"""The plans that a new database has are those of the specification, and no price is guessed."""

from tests.migrations.databases import Database

MB, GB = 10**6, 10**9


def test_plans_and_their_credits(migrated: Database) -> None:
    with migrated.connect() as connection:
        found = connection.execute(
            "SELECT code, credits_per_month, credits_unlimited, trial_days, active FROM plans ORDER BY position"
        ).fetchall()

    assert found == [
        ("free", 100, False, 0, True),
        ("pro", 1_000, False, None, True),
        ("team", 5_000, False, None, True),
        ("enterprise", None, True, 0, True),
    ]


def test_prices(migrated: Database) -> None:
    with migrated.connect() as connection:
        found = connection.execute(
            "SELECT code, interval, currency, amount_minor FROM plan_prices JOIN plans ON plans.id = plan_id"
            " ORDER BY position, interval"
        ).fetchall()

    assert found == [
        ("free", "month", "USD", 0),
        ("free", "year", "USD", 0),
        ("pro", "month", "USD", 2_900),
        ("pro", "year", "USD", 29_000),
        ("team", "month", "USD", 9_900),
        ("team", "year", "USD", 99_000),
    ]


def test_features(migrated: Database) -> None:
    with migrated.connect() as connection:
        rows = connection.execute(
            "SELECT code, feature, limit_value, unlimited, text_value FROM plan_features JOIN plans ON plans.id = plan_id"
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
