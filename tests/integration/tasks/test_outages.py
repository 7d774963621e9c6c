"""An outage of Postgres in the middle of work only postpones it."""

import psycopg
import pytest

from billing.clock import utc_now
from billing.operation_runner import run_due_operations
from billing.unit_of_work import DatabaseUnavailable
from models.operation import Operation
from tests.service.world import World


def end_all_connections(world: World) -> None:
    """Do what a restart of Postgres does to those who are connected."""
    with psycopg.connect(world.servers.database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_transaction_that_lost_its_connection_says_so_and_the_next_one_works(world: World) -> None:
    def lose_the_connection() -> None:
        with world.session() as session:
            session.connection()
            end_all_connections(world)
            session.connection().exec_driver_sql("SELECT 1")

    with pytest.raises(DatabaseUnavailable):
        lose_the_connection()
    assert world.rows("SELECT 1 AS one") == [{"one": 1}]


def test_statements_and_locks_have_limits(world: World) -> None:
    limits = world.rows(
        "SELECT name, setting::int AS milliseconds FROM pg_settings WHERE name IN "
        "('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout')"
    )
    assert all(0 < limit["milliseconds"] <= 30_000 for limit in limits)
    assert len(limits) == 3


def test_a_deadlock_is_an_outage_of_a_moment_and_counts_nothing(world: World) -> None:
    accepted = world.accept_payment(world.customer())
    with world.session() as session:
        session.connection().exec_driver_sql(
            "CREATE FUNCTION deadlock_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "IF NEW.status = 'succeeded' THEN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END IF; RETURN NEW; END $$"
        )
        session.connection().exec_driver_sql(
            "CREATE TRIGGER deadlock_once BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION deadlock_once()"
        )
    try:
        assert run_due_operations(world.runtime, now=utc_now)
    finally:
        with world.session() as session:
            session.connection().exec_driver_sql("DROP FUNCTION deadlock_once() CASCADE")
    row = world.rows("SELECT failures, postponements, last_error FROM operations")[0]
    assert row == {"failures": 0, "postponements": 1, "last_error": "database_unavailable"}

    world.make_due(Operation)
    world.work()
    assert world.payment(accepted["id"])["status"] == "succeeded"
    assert len(world.all_charges()) == 1
