"""Checks of the Postgres that holds the work: reachable, durable, migrated, telling the same time."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import psycopg
from alembic.script import ScriptDirectory

from billing.clock import utc_now
from cli.doctor.clocks import skew_finding
from cli.doctor.finding import Finding, failed, ok
from local.migrations import revisions

CONNECT_SECONDS_MAX = 5
OLDEST_VERSION = 140000
# What must hold so that an answered commit is still there after a crash.
DURABLE: Mapping[str, frozenset[str]] = {
    "fsync": frozenset({"on"}),
    "full_page_writes": frozenset({"on"}),
    "synchronous_commit": frozenset({"on", "local", "remote_write", "remote_apply"}),
}


def check_postgres(*, url: str, migrations_dir: Path) -> list[Finding]:
    """Look at the server; where it cannot be reached there is one finding."""
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS_MAX) as connection:
            return [
                _version(connection),
                _durability(connection),
                _clock(connection),
                _migrations(url=url, migrations_dir=migrations_dir),
            ]
    except psycopg.Error as fault:
        reason = (str(fault).strip() or type(fault).__name__).splitlines()[-1]
        return [failed("postgres", reason, mend="start the server, or correct DATABASE_URL")]


def _version(connection: psycopg.Connection) -> Finding:
    version = connection.info.server_version
    place = f"{connection.info.host}:{connection.info.port}"
    seen = f"version {version // 10000}.{version % 10000} at {place}"
    if version < OLDEST_VERSION:
        return failed("postgres", seen, mend="use Postgres 14 or newer")
    return ok("postgres", seen)


def _durability(connection: psycopg.Connection) -> Finding:
    values = {name: _setting(connection, name) for name in DURABLE}
    wrong = [name for name, allowed in DURABLE.items() if values[name] not in allowed]
    seen = ", ".join(f"{name}={value}" for name, value in values.items())
    if wrong:
        mend = f"set {' and '.join(wrong)} to on: an answered payment could be lost in a crash"
        return failed("postgres durability", seen, mend=mend)
    return ok("postgres durability", seen)


def _clock(connection: psycopg.Connection) -> Finding:
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    theirs = row[0] if row is not None and isinstance(row[0], datetime) else utc_now()
    return skew_finding("postgres clock", theirs=theirs, ours=utc_now())


def _migrations(*, url: str, migrations_dir: Path) -> Finding:
    heads = sorted(ScriptDirectory(str(migrations_dir)).get_heads())
    applied = revisions(database_url=url)
    if applied == heads:
        return ok("migrations", f"at head ({', '.join(heads) or 'there are none'})")
    seen = f"the database stands at {', '.join(applied) or 'nothing'}, the code at {', '.join(heads)}"
    return failed("migrations", seen, mend="billing migrate")


def _setting(connection: psycopg.Connection, name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    return "" if row is None else str(row[0])
