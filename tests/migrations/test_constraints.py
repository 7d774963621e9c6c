"""The tables state each rule again: for each constraint a row that breaks it, and the database's refusal.

The statements are those of broken_rows.py, beside the rows of valid_rows.py.
"""

from collections.abc import Iterator

import psycopg
import pytest

from tests.migrations.broken_rows import CHECKS, UNIQUES
from tests.migrations.databases import Database
from tests.migrations.valid_rows import VALID_ROWS, A

BROKEN = [*((name, statement) for name, found in CHECKS.items() for statement in found), *UNIQUES.items()]
LIST_PRICE = "INSERT INTO prices (id, version_id, interval, currency, scheme, unit_amount, tax_behavior, created_at)"


@pytest.fixture
def connection(migrated: Database) -> Iterator[psycopg.Connection]:
    """A transaction with one valid row or two in each table; it is never committed."""
    with migrated.connect() as opened:
        opened.execute(VALID_ROWS.encode())
        yield opened
        opened.rollback()


@pytest.mark.parametrize(("constraint", "statement"), BROKEN)
def test_a_row_that_breaks_the_rule_is_refused(connection: psycopg.Connection, constraint: str, statement: str) -> None:
    with pytest.raises(psycopg.IntegrityError) as refusal:
        connection.execute(statement.encode())

    assert refusal.value.diag.constraint_name == constraint


def test_each_rule_is_broken_above(migrated: Database) -> None:
    with migrated.connect() as connection:
        checks = connection.execute(
            "SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype = 'c'"
        ).fetchall()
        uniques = connection.execute(
            "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND indexdef LIKE 'CREATE UNIQUE%'"
            " AND indexname LIKE 'uq%'"
        ).fetchall()

    assert {name for (name,) in checks} == set(CHECKS)
    assert {name for (name,) in uniques} == {name for name in UNIQUES if name.startswith("uq")}


def test_what_another_row_names_is_not_deleted(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        connection.execute("DELETE FROM customers")


def test_finished_work_leaves_room_for_the_next(connection: psycopg.Connection) -> None:
    """One operation open and one attempt in flight: not one for ever."""
    connection.execute(
        "UPDATE operations SET status = 'succeeded', finished_at = now(), outcome_status = 200, next_attempt_at = NULL"
    )
    connection.execute("UPDATE payment_attempts SET status = 'answered', finished_at = now()")

    connection.execute(UNIQUES["uq_operations_open_resource"].encode())
    connection.execute(UNIQUES["uq_payment_attempts_in_flight"].encode())


def test_the_events_of_a_retired_meter_may_be_those_of_another(connection: psycopg.Connection) -> None:
    connection.execute("UPDATE meters SET retired_at = now()")

    connection.execute(UNIQUES["uq_meters_event_type"].encode())


@pytest.mark.parametrize("table", ["audit_entries", "audit_seals", "credit_transactions", "usage_events"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_what_was_written_down_is_only_added_to(connection: psycopg.Connection, table: str, statement: str) -> None:
    change = "hash = decode(repeat('02', 32), 'hex')" if table == "audit_seals" else "actor = 'somebody else'"

    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        connection.execute(statement.format(table, change).encode())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE plan_versions SET credits_per_month = 1",
        "UPDATE plan_versions SET published_at = now()",
        "DELETE FROM plan_versions",
        "TRUNCATE plan_versions CASCADE",
        "UPDATE plan_features SET limit_value = 1 WHERE limit_value IS NOT NULL",
        "DELETE FROM plan_features",
        "TRUNCATE plan_features",
        "UPDATE prices SET unit_amount = 1 WHERE customer_id IS NULL",
        "UPDATE prices SET unit_amount = 1 WHERE customer_id IS NOT NULL",
        "UPDATE prices SET customer_id = NULL",
        "DELETE FROM prices",
        "TRUNCATE prices CASCADE",
        "UPDATE coupons SET percent_off = 20 WHERE percent_off = 10",
        "UPDATE coupons SET amount_off_minor = 400 WHERE amount_off_minor = 500",
        "UPDATE coupons SET code = 'OTHER' WHERE code = 'FIVE'",
    ],
)
def test_published_terms_never_change(connection: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        connection.execute(statement.encode())


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO plan_features (version_id, feature, limit_value, unlimited) SELECT id, 'x', 1, false FROM {published}",
        f"{LIST_PRICE} SELECT gen_random_uuid(), id, 'week', 'USD', 'flat', 1, 'exclusive', now() FROM {{published}}",
    ],
)
def test_a_published_version_gets_nothing_more(connection: psycopg.Connection, statement: str) -> None:
    """The versions that the migration made were committed; the one of this transaction is not published yet."""
    published = "(SELECT v.id FROM plan_versions v JOIN plans p ON p.id = v.plan_id WHERE p.code = 'pro') v"
    unpublished = f"(SELECT id FROM plan_versions WHERE id = '{A}') v"

    connection.execute(statement.format(published=unpublished).encode())
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="version pro 1 is published"):
        connection.execute(statement.format(published=published).encode())


def test_a_customer_gets_a_price_of_its_own_for_a_published_version_and_newer_ones(
    connection: psycopg.Connection,
) -> None:
    mine = (
        "INSERT INTO prices (id, version_id, interval, currency, scheme, unit_amount, tax_behavior, customer_id, created_at) "
        f"SELECT gen_random_uuid(), v.id, 'year', 'USD', 'flat', 1200000, 'exclusive', '{A}', now() "
        "FROM plan_versions v JOIN plans p ON p.id = v.plan_id WHERE p.code = 'enterprise'"
    )

    for _ in range(2):
        connection.execute(mine.encode())

    assert connection.execute("DELETE FROM prices WHERE customer_id IS NOT NULL").rowcount == 3


def test_what_a_plan_is_called_and_whether_it_is_offered_changes_in_place(connection: psycopg.Connection) -> None:
    connection.execute("UPDATE plans SET name = 'B', description = 'b', position = 1, active = false")
    connection.execute("UPDATE coupons SET name = 'B', active = false, redemptions_max = 5, redeem_by = now()")
