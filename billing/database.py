"""The engine: bounded pool, bounded statements, and connections that neither wait for ever nor are trusted blindly.

Three things are done otherwise than SQLAlchemy's and psycopg's defaults, each for a measured reason:

* An answer is waited for with a limit on this side, too. `statement_timeout` is kept by the server; one that is frozen, or
  behind a network that swallows packets, keeps nothing.
* Before a connection is used, its socket is looked at instead of a `SELECT 1` being sent: an idle connection that has something
  to read was closed by the server. That saves a round trip of four in the shortest transaction. A pool that holds one such
  connection is emptied: the server was restarted.
* A single statement runs in autocommit: BEGIN and COMMIT of their own would be two more round trips for the same guarantee.
  It has an engine of its own, because changing a connection's mode back and forth costs more than keeping a second one.
"""

import select
from typing import Any, cast

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.rows import TupleRow
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from billing.settings import Settings

_MAX_OVERFLOW = 5
_CONNECT_TIMEOUT_SECONDS = 3
# How much longer than the longest statement an answer is waited for: the server's own limit should come first.
_ANSWER_GRACE_SECONDS = 2.0
_POLL_SECONDS = 0.1


class ServerSilent(psycopg.OperationalError):
    """The server did not answer within the longest time that a statement may take; the connection was given up."""


def make_engine(settings: Settings, *, autocommit: bool = False) -> Engine:
    """Return the engine for `settings`; with `autocommit`, the one for single statements. Connects to nothing yet."""
    statement_timeout_ms = int(settings.DATABASE_STATEMENT_TIMEOUT_SECONDS * 1000)
    engine = create_engine(
        settings.sqlalchemy_url,
        pool_size=settings.DATABASE_POOL_SIZE,
        max_overflow=_MAX_OVERFLOW,
        pool_timeout=settings.DATABASE_POOL_TIMEOUT_SECONDS,
        isolation_level="AUTOCOMMIT" if autocommit else "READ COMMITTED",
        skip_autocommit_rollback=autocommit,
        hide_parameters=True,  # a statement in a log line must not carry a customer's data
        connect_args={
            "connect_timeout": _CONNECT_TIMEOUT_SECONDS,
            "application_name": "billing",
            "options": f"-c statement_timeout={statement_timeout_ms} -c lock_timeout={statement_timeout_ms // 2} "
            "-c idle_in_transaction_session_timeout=30000 -c timezone=UTC",
        },
    )
    answer_seconds_max = settings.DATABASE_STATEMENT_TIMEOUT_SECONDS + _ANSWER_GRACE_SECONDS

    def connect(
        _dialect: Dialect, _entry: ConnectionPoolEntry, arguments: tuple[Any, ...], options: dict[str, Any]
    ) -> DBAPIConnection:
        connection = _BoundedConnection.connect(*arguments, **options)
        connection.answer_seconds_max = answer_seconds_max
        return cast("DBAPIConnection", connection)

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "checkout", _refuse_closed)
    return engine


class _BoundedConnection(psycopg.Connection[TupleRow]):
    """A connection that waits for an answer at most `answer_seconds_max`, and is closed when none came."""

    answer_seconds_max: float | None = None

    def wait(self, gen: PQGen[RV], interval: float = _POLL_SECONDS, timeout: float | None = None) -> RV:
        """Wait as psycopg does, with the limit. Raises ServerSilent."""
        limit = timeout or self.answer_seconds_max
        try:
            return super().wait(gen, interval, limit)
        except psycopg.OperationalError as error:
            running = self.pgconn.transaction_status == psycopg.pq.TransactionStatus.ACTIVE
            if running and error.sqlstate is None:  # no word of the server's: the wait ended, the statement did not
                self.pgconn.finish()  # what it still sends must never be read as the answer to something else
                raise ServerSilent(f"the server did not answer within {limit} s") from None
            raise


def lift_time_limits(session: Session) -> None:
    """Let this transaction's statements take the time they need: for a command that reads whole tables, never for a request.

    The connection leaves the pool, and is closed when the transaction has ended.
    """
    connection = session.connection()
    driver = cast("_BoundedConnection", connection.connection.driver_connection)
    connection.detach()
    driver.answer_seconds_max = None
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")


def _refuse_closed(connection: DBAPIConnection, _entry: ConnectionPoolEntry, _proxy: object) -> None:
    """Refuse a pooled connection that the server has closed meanwhile; the pool then makes new ones."""
    pooled = cast("_BoundedConnection", connection)
    if pooled.closed or _has_something_to_read(pooled.fileno()):
        raise InvalidatePoolError


def _has_something_to_read(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
