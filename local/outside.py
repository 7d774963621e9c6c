"""Servers that the user brought: are they there?"""

import socket
from urllib.parse import urlsplit

import psycopg

from local.errors import OutsideServiceUnreachable

CONNECT_SECONDS_MAX = 5
REDIS_PORT = 6379


def require_postgres(*, url: str) -> None:
    """Run a query on the user's Postgres. Raises OutsideServiceUnreachable, which never shows the password."""
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS_MAX) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as fault:
        reason = str(fault).strip().splitlines()[-1] if str(fault).strip() else type(fault).__name__
        raise OutsideServiceUnreachable(
            f"DATABASE_URL names a Postgres at {_place(url)} that cannot be used: {reason}",
            mend="start it or correct DATABASE_URL; unset DATABASE_URL to use the embedded Postgres",
        ) from fault


def require_redis(*, url: str, setting: str) -> None:
    """Connect to the user's Redis. Raises OutsideServiceUnreachable. The settings of the server are the doctor's affair."""
    parts = urlsplit(url)
    try:
        address = (parts.hostname or "localhost", parts.port or REDIS_PORT)
        socket.create_connection(address, timeout=CONNECT_SECONDS_MAX).close()
    except OSError as fault:
        raise OutsideServiceUnreachable(
            f"{setting} names a server at {_place(url)} that does not answer: {fault}",
            mend=f"start it or correct {setting}; unset {setting} to use the embedded Valkey",
        ) from fault


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
