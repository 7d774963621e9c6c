"""What was in the catalog before it had versions is its version 1; on the way back, what the release before can say is left."""

from alembic import command

from tests.migrations.databases import Database

BEFORE, AFTER = "0010", "0011"
SAID = {
    "plans": "SELECT code, name, position, active, trial_days, credits_per_month, credits_unlimited FROM plans ORDER BY code",
    "prices": "SELECT id, plan_id, interval, currency, amount_minor FROM plan_prices ORDER BY id",
    "features": "SELECT plan_id, feature, limit_value, unlimited, text_value FROM plan_features ORDER BY plan_id, feature",
}


def said(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.connect() as connection:
        return {name: connection.execute(query.encode()).fetchall() for name, query in SAID.items()}


def change(database: Database, *statements: str) -> None:
    with database.connect() as connection:
        for statement in statements:
            connection.execute(statement.encode())
        connection.commit()


def test_what_was_said_before_is_said_after_the_way_back(empty: Database) -> None:
    command.upgrade(empty.config(), BEFORE)
    change(
        empty,
        "UPDATE plans SET trial_days = 30, credits_per_month = 7 WHERE code = 'pro'",
        "UPDATE plan_prices SET amount_minor = 3100 WHERE amount_minor = 2900",
        "DELETE FROM plan_features WHERE feature = 'users'",
    )
    before = said(empty)

    command.upgrade(empty.config(), AFTER)
    with empty.connect() as connection:
        versions = connection.execute(
            "SELECT code, number, v.trial_days, v.credits_per_month, published_at = created_at FROM plans"
            " JOIN plan_versions v ON v.plan_id = plans.id ORDER BY position"
        ).fetchall()
        amount = connection.execute("SELECT unit_amount FROM prices WHERE unit_amount = 3100").fetchall()
    command.downgrade(empty.config(), BEFORE)

    assert versions == [
        ("free", 1, 0, 100, True),
        ("pro", 1, 30, 7, True),
        ("team", 1, None, 5000, True),
        ("enterprise", 1, 0, None, True),
    ]
    assert amount == [(3100,)]
    assert said(empty) == before


def test_on_the_way_back_the_current_version_counts(empty: Database) -> None:
    command.upgrade(empty.config(), AFTER)
    change(
        empty,
        "INSERT INTO plan_versions (id, plan_id, number, credits_per_month, credits_unlimited, published_at) "
        "SELECT gen_random_uuid(), id, 2, 2000, false, now() FROM plans WHERE code = 'pro'",
        "INSERT INTO prices (id, version_id, interval, currency, scheme, unit_amount, tax_behavior, created_at) "
        "SELECT gen_random_uuid(), id, interval, 'USD', 'flat', amount, 'exclusive', now() "
        "FROM plan_versions, (VALUES ('month', 3900), ('year', 0.5), ('quarter', 9900)) a (interval, amount) "
        "WHERE number = 2",
        "INSERT INTO plan_features (version_id, feature, limit_value, unlimited) "
        "SELECT id, 'projects', 25, false FROM plan_versions WHERE number = 2",
    )

    command.downgrade(empty.config(), BEFORE)

    found = said(empty)
    assert [row[5] for row in found["plans"] if row[0] == "pro"] == [2000]
    assert sorted(str(row[4]) for row in found["prices"]) == ["0", "0", "3900", "9900", "99000"]
    with empty.connect() as connection:
        features = connection.execute(
            "SELECT feature, limit_value FROM plan_features JOIN plans ON plans.id = plan_id WHERE code = 'pro'"
        ).fetchall()
    assert features == [("projects", 25)]
