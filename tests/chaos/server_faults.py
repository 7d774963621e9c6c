"""Faults of the servers behind the service: killed, frozen, emptied, full, out of connections, in disagreement."""

import signal
import time
from collections.abc import Callable
from contextlib import suppress

import psycopg
import redis

from tests.chaos.fault import Fault, Shot, Undo
from tests.chaos.stack import SERVERS, ChaosStack

_LOCKS = 5
_CONFLICT_TRIGGER = """
    CREATE OR REPLACE FUNCTION chaos_conflict() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF random() < 0.2 THEN
            RAISE EXCEPTION 'made up' USING ERRCODE = (CASE WHEN random() < 0.5 THEN '40001' ELSE '40P01' END);
        END IF;
        RETURN NEW;
    END $$;
    CREATE OR REPLACE TRIGGER chaos_conflict BEFORE INSERT OR UPDATE ON payments
    FOR EACH ROW EXECUTE FUNCTION chaos_conflict()
"""


def _killed(name: str) -> Fault:
    def inject(stack: ChaosStack, _shot: Shot) -> Undo:
        stack.take_down(name)
        return lambda: stack.bring_back(name)

    rows = {"postgres": (16,), "sandbox": (22,)}.get(name, (10,))
    return Fault(
        name=f"killed.{name}",
        rows=rows,
        resource=name,
        inject=inject,
        seconds=(0.5, 6.0),
        wear=1 if name == "postgres" else 0,
    )


def _frozen(name: str) -> Fault:
    def inject(stack: ChaosStack, _shot: Shot) -> Undo:
        stack.signal_all(name, signal.SIGSTOP)
        return lambda: stack.signal_all(name, signal.SIGCONT)

    return Fault(
        name=f"frozen.{name}",
        rows=(17,) if name == "postgres" else (15,),
        resource=name,
        inject=inject,
        seconds=(2.0, 7.0),
        wear=1 if name == "postgres" else 0,
    )


def _flushed(name: str) -> Fault:
    def inject(stack: ChaosStack, _shot: Shot) -> None:
        with suppress(redis.RedisError), stack.valkey(name) as client:
            client.flushall()
            stack.incidents.flushes.append((time.monotonic(), name))

    return Fault(name=f"flushed.{name}", rows=(13,), resource=name, inject=inject)


def _full(name: str) -> Fault:
    def configure(stack: ChaosStack, maxmemory: str) -> None:
        with suppress(redis.RedisError), stack.valkey(name) as client:
            client.config_set("maxmemory", maxmemory)

    def inject(stack: ChaosStack, _shot: Shot) -> Undo:
        configure(stack, "100kb")
        return lambda: configure(stack, "0")

    return Fault(name=f"full.{name}", rows=(14,), resource=name, inject=inject, seconds=(2.0, 6.0))


def _backends_ended(stack: ChaosStack, _shot: Shot) -> None:
    _in_postgres(stack, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'billing'")


def _connections_exhausted(stack: ChaosStack, _shot: Shot) -> Undo:
    held: list[psycopg.Connection] = []
    with suppress(psycopg.OperationalError):
        while True:
            held.append(psycopg.connect(stack.database_url, connect_timeout=2))

    def undo() -> None:
        for connection in held:
            connection.close()

    return undo


def _rows_locked(stack: ChaosStack, shot: Shot) -> Undo:
    """Hold the locks of some payments, as a forgotten session of a person would."""
    held: list[psycopg.Connection] = []
    with suppress(psycopg.OperationalError):
        connection = psycopg.connect(stack.database_url, connect_timeout=2)
        held.append(connection)
        connection.execute("SET lock_timeout = '500ms'")
        connection.execute("SELECT id FROM payments ORDER BY id DESC LIMIT %s FOR UPDATE", [1 + shot.number % _LOCKS])

    def undo() -> None:
        for connection in held:
            connection.close()

    return undo


def _writes_conflict(stack: ChaosStack, _shot: Shot) -> Undo:
    _in_postgres(stack, _CONFLICT_TRIGGER)
    return lambda: _in_postgres(stack, "DROP TRIGGER IF EXISTS chaos_conflict ON payments")


def _in_postgres(stack: ChaosStack, statement: str) -> None:
    with suppress(psycopg.OperationalError), psycopg.connect(stack.database_url, connect_timeout=2) as connection:
        connection.execute("SET lock_timeout = '2s'")
        connection.execute(statement.encode())


def _in_database(name: str, row: int, inject: Callable[[ChaosStack, Shot], Undo | None], *, wear: int = 0) -> Fault:
    return Fault(
        name=f"{name}.postgres", rows=(row,), resource="postgres", inject=inject, seconds=(1.0, 4.0), wear=wear
    )


SERVER_FAULTS = (
    *(_killed(name) for name in SERVERS),
    *(_frozen(name) for name in SERVERS),
    *(_flushed(name) for name in ("broker", "credits")),
    *(_full(name) for name in ("broker", "credits")),
    _in_database("backends_ended", 16, _backends_ended),
    _in_database("connections_exhausted", 19, _connections_exhausted, wear=1),
    _in_database("rows_locked", 18, _rows_locked),
    _in_database("writes_conflict", 18, _writes_conflict),
)
