"""Migrations at the start: applied by the service's own command, skipped when nothing can have changed."""

import hashlib
from pathlib import Path

import psycopg

from local.data_dir import read_json, write_private_json


def are_current(*, record_path: Path, versions_dir: Path, database_url: str) -> bool:
    """Say whether the database stands where these migration files left it.

    Asking alembic takes about a second of imports; the files' digest and the database's own version tell the same.
    """
    record = read_json(path=record_path)
    if record is None or record.get("digest") != digest(versions_dir=versions_dir):
        return False
    return record.get("revisions") == revisions(database_url=database_url)


def remember(*, record_path: Path, versions_dir: Path, database_url: str) -> None:
    """Write down that these migration files were applied and where that left the database."""
    record = {"digest": digest(versions_dir=versions_dir), "revisions": revisions(database_url=database_url)}
    write_private_json(path=record_path, value=record)


def digest(*, versions_dir: Path) -> str:
    """Return a digest over the names and contents of the migration files, SQL beside Python."""
    content = hashlib.sha256()
    for path in sorted(path for path in versions_dir.rglob("*") if path.suffix in {".py", ".sql"}):
        content.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return content.hexdigest()


def revisions(*, database_url: str) -> list[str]:
    """Return the revisions that the database says it has; none where no migration ever ran."""
    with psycopg.connect(database_url) as connection:
        if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
            return []
        return [str(row[0]) for row in connection.execute("SELECT version_num FROM alembic_version ORDER BY 1")]
