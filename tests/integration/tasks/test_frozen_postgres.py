"""A Postgres that is frozen keeps no promise of a time-out: the limit on our side does."""

import os
import signal
import time

import psycopg
import pytest
from sqlalchemy import text

from billing.unit_of_work import DatabaseUnavailable
from tests.service.servers import ServiceServers
from tests.service.world import World

SECONDS_MAX = 1.0


def test_a_frozen_server_is_waited_for_only_so_long(servers: ServiceServers) -> None:
    servers.reset()
    with World.open(servers, DATABASE_STATEMENT_TIMEOUT_SECONDS=SECONDS_MAX) as world:
        with world.session() as session:
            backend = session.scalar(text("SELECT pg_backend_pid()"))
        assert isinstance(backend, int)
        os.kill(backend, signal.SIGSTOP)
        started = time.monotonic()
        try:
            with pytest.raises(DatabaseUnavailable), world.session() as session:
                session.execute(text("SELECT 1"))
            assert time.monotonic() - started < SECONDS_MAX + 2.0 + 2.0
        finally:
            os.kill(backend, signal.SIGCONT)
        assert world.rows("SELECT 1 AS one") == [{"one": 1}]


def test_connections_that_the_server_closed_are_replaced_before_they_are_used(world: World) -> None:
    assert world.rows("SELECT 1 AS one")
    before = world.rows("SELECT pg_backend_pid() AS pid")
    with psycopg.connect(world.servers.database_url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (before[0]["pid"],))
    after = world.rows("SELECT pg_backend_pid() AS pid")
    assert after != before
