"""Databases for the tests of migrations: made on one server, and described by its catalogs."""

import subprocess
import sys
import uuid
from dataclasses import dataclass

import psycopg
from alembic.config import Config

from local.postgres import PostgresServer
from tests.architecture.source_tree import ROOT

# A migrator of its own: alembic keeps its context in module globals, so that two need two processes.
UPGRADE = """
import sys
from alembic import command
from alembic.config import Config
config = Config(sys.argv[1])
config.attributes["sqlalchemy_url"] = sys.argv[2]
command.upgrade(config, "head")
"""
CATALOG_QUERIES = {
    "columns": """
        SELECT table_name, column_name, data_type, is_nullable, column_default, character_maximum_length
        FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name <> 'alembic_version'""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'
        AND contype <> 't'""",
    "indexes": """
        SELECT tablename, indexname, indexdef FROM pg_indexes
        WHERE schemaname = 'public' AND tablename <> 'alembic_version'""",
}
RULE_QUERIES = {
    "triggers": "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "functions": "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
}
Catalog = dict[str, set[tuple[object, ...]]]


@dataclass(frozen=True)
class Database:
    """One empty database."""

    url: str

    @classmethod
    def create(cls, server: PostgresServer) -> "Database":
        """Create a database of its own name on the server."""
        return cls(server.create_database(f"migrations_{uuid.uuid4().hex}"))

    @property
    def sqlalchemy_url(self) -> str:
        """The address with the driver that SQLAlchemy is to use."""
        return self.url.replace("postgresql://", "postgresql+psycopg://", 1)

    def config(self) -> Config:
        """Return alembic's configuration for this database."""
        config = Config(ROOT / "alembic.ini")
        config.attributes["sqlalchemy_url"] = self.sqlalchemy_url
        return config

    def start_migrator(self) -> subprocess.Popen[str]:
        """Start `alembic upgrade head` in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-c", UPGRADE, ROOT / "alembic.ini", self.sqlalchemy_url],
            stderr=subprocess.PIPE,
            text=True,
        )

    def connect(self) -> psycopg.Connection:
        """Open a connection."""
        return psycopg.connect(self.url)

    def tables(self) -> Catalog:
        """Return what the catalogs say of tables: columns, constraints, indexes."""
        return self._ask(CATALOG_QUERIES)

    def everything(self) -> Catalog:
        """Return what the catalogs say of tables, triggers and functions."""
        return self._ask(CATALOG_QUERIES | RULE_QUERIES)

    def _ask(self, queries: dict[str, str]) -> Catalog:
        with self.connect() as connection:
            return {name: set(connection.execute(query.encode()).fetchall()) for name, query in queries.items()}
