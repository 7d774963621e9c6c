"""Connections that wait for Postgres only so long.

`statement_timeout` ends a statement where the server still works. A server that is frozen, or behind a network that swallows
packets, ends nothing, and its kernel may go on acknowledging: only a limit on this side lets a request end.
"""

from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, event

RV = TypeVar("RV")
# The server's own limit is to come first, with a better word for what happened.
_GRACE_SECONDS = 2.0
_INTERRUPT_SECONDS = 0.1


class PatientConnection(psycopg.Connection[Any]):
    """A connection whose every wait ends after `wait_seconds`, and which is closed by then."""

    wait_seconds: float | None = None

    def wait(self, gen: PQGen[RV], interval: float = _INTERRUPT_SECONDS, timeout: float | None = None) -> RV:
        """Wait for the server as psycopg does, but not longer. Raises OperationalError."""
        try:
            return super().wait(gen, interval=interval, timeout=self.wait_seconds if timeout is None else timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                # The answer may yet come, and nobody may take it for the answer to another question.
                self.pgconn.finish()
            raise


def limit_waits(engine: Engine, *, statement_timeout_seconds: float) -> None:
    """Let every connection of the engine give up a little after the server should have given up itself."""

    def connect(_dialect: object, _record: object, arguments: list[Any], parameters: dict[str, Any]) -> Any:
        connection = PatientConnection.connect(*arguments, **parameters)
        connection.wait_seconds = statement_timeout_seconds + _GRACE_SECONDS
        return connection

    event.listen(engine, "do_connect", connect)
