"""One database transaction, and what must happen right after it.

A use case asks for a hint (`hint_after_commit`); whoever opened the transaction sends it once the commit is in. While a
transaction is open in this thread of control, no network call may be made: the gateway asks `inside_transaction()`.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar
from typing import cast

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from billing.errors import Unavailable
from billing.fail_points import fail_point
from billing.hints import Hint

_HINTS = "hints"
_PASSING = (OperationalError, InterfaceError, PoolTimeout, psycopg.OperationalError, psycopg.InterfaceError)
_RETRY_AFTER_SECONDS = 2
_depth: ContextVar[int] = ContextVar("open_transactions", default=0)


def inside_transaction() -> bool:
    """Return whether this thread of control holds an open transaction."""
    return _depth.get() > 0


def hint_after_commit(session: Session, hint: Hint) -> None:
    """Note that, once `session` has committed, workers should look at the rows that `hint` names."""
    session.info.setdefault(_HINTS, set()).add(hint)


class DatabaseUnavailable(Unavailable):
    """Postgres does not answer, or gave the transaction up (time-out, deadlock, shutdown): repeat it, all of ours may be."""

    code = "database_unavailable"


@contextmanager
def transaction(sessions: sessionmaker[Session], *, send_hint: Callable[[Hint], None]) -> Iterator[Session]:
    """Open a session, commit at the end, roll back on any exception, and send the hints after the commit.

    Raises DatabaseUnavailable for what passes by itself: the same transaction may succeed later.
    """
    with _open(), sessions() as session, session.begin():
        yield session
    if hints := session.info.pop(_HINTS, ()):
        fail_point("hint.not_sent")
    for hint in sorted(hints):
        send_hint(hint)


@contextmanager
def statements(engine: Engine, *hints: Hint, send_hint: Callable[[Hint], None]) -> Iterator[Connection]:
    """Open a connection in autocommit, where each statement is a transaction of its own; send `hints` at the end.

    `engine` has the isolation level AUTOCOMMIT. Raises DatabaseUnavailable as `transaction` does.
    """
    with _open(), engine.connect() as connection:
        yield connection
    for hint in hints:
        send_hint(hint)


@contextmanager
def driver_statements(engine: Engine, *hints: Hint, send_hint: Callable[[Hint], None]) -> Iterator[psycopg.Connection]:
    """Do as `statements` does, with the driver's own connection: for what runs on every request, at half the time."""
    with _open(), closing(engine.raw_connection()) as pooled:
        yield cast("psycopg.Connection", pooled.driver_connection)
    for hint in hints:
        send_hint(hint)


@contextmanager
def _open() -> Iterator[None]:
    token = _depth.set(_depth.get() + 1)
    try:
        yield
    except _PASSING as error:
        raise DatabaseUnavailable(
            "the database does not answer; try again, under the same Idempotency-Key if there was one",
            retry_after_seconds=_RETRY_AFTER_SECONDS,
        ) from error
    finally:
        _depth.reset(token)
