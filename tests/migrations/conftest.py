"""One Postgres for all tests of migrations; each test takes a database of its own, or the one that is at the head."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command

from local.postgres import PostgresServer
from tests.migrations.databases import Database

# No test here is about a power cut.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    # Not tmp_path: as root that lies below a directory of mode 0700, which Postgres' own user cannot enter.
    directory = Path(tempfile.mkdtemp(prefix="billing-migrations-"))
    directory.chmod(0o711)
    server = PostgresServer(data_dir=directory, password="for-tests-only", settings=FAST)
    server.launch()
    server.wait_until_ready()
    yield server
    server.stop()
    shutil.rmtree(directory)


@pytest.fixture
def empty(postgres: PostgresServer) -> Database:
    """A database in which nothing is."""
    return Database.create(postgres)


@pytest.fixture(scope="session")
def migrated(postgres: PostgresServer) -> Database:
    """The database at the head, for tests that leave its tables as they are."""
    database = Database.create(postgres)
    command.upgrade(database.config(), "head")
    return database
