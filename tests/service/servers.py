"""The servers behind the service under test, and how they are emptied between tests."""

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import redis
from alembic import command
from alembic.config import Config

from billing.settings import Settings
from local.postgres import PostgresServer
from local.sandbox import SandboxServer
from local.valkey import ValkeyServer

SECRET_KEY = "sk_test_serviceUnderTest"
WEBHOOK_SECRET = "whsec_" + "t" * 40
PASSWORD = "for-tests-only"
# What a migration fills stays; no test may leave it changed.
KEPT_TABLES = ("alembic_version", "plans", "plan_versions", "plan_features")
# Of prices the list prices stay: the others are of customers, with which the table is emptied.
LIST_PRICES = "SELECT * FROM prices WHERE customer_id IS NULL"
_ROOT = Path(__file__).resolve().parents[2]
# Tests do not need what survives a power cut, and half their time would be spent on it.
_FAST_POSTGRES = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass
class ServiceServers:
    """Postgres, Valkey and the sandbox, with a migrated database."""

    postgres: PostgresServer
    valkey: ValkeyServer
    sandbox: SandboxServer
    database_url: str
    directory: Path

    @classmethod
    def start(cls, directory: Path, *, durable: bool = False) -> "ServiceServers":
        settings = {} if durable else _FAST_POSTGRES
        postgres = PostgresServer(data_dir=directory / "postgres", password=PASSWORD, settings=settings)
        valkey = ValkeyServer(data_dir=directory / "valkey", password=PASSWORD, fsync="everysec")
        sandbox = SandboxServer(data_dir=directory / "sandbox", secret_key=SECRET_KEY)
        for server in (postgres, valkey, sandbox):
            server.launch()
        for server in (postgres, valkey, sandbox):
            server.wait_until_ready()
        database_url = postgres.create_database("billing")
        migrate(database_url)
        return cls(postgres, valkey, sandbox, database_url, directory)

    def stop(self) -> None:
        for server in (self.sandbox, self.valkey, self.postgres):
            server.stop()

    def reset(self) -> None:
        """Empty every table and database, and bring the sandbox back to its first state, holding its webhooks."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            truncate_all(connection)
        with redis.Redis.from_url(self.valkey.url(db=0)) as client:
            client.flushall()
        self.control("POST", "reset")
        self.control("POST", "webhooks", {"mode": "hold"})

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call one of the sandbox's control routes."""
        # It is plain HTTP: to load the authorities' certificates would be most of the call's time.
        answer = httpx.request(method, f"{self.sandbox.url}/_sandbox/{path}", json=body, timeout=10, verify=False)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def settings(self, **changed: object) -> Settings:
        """Return settings for a service on these servers; the environment of the machine does not matter."""
        values = {**self.environment(), **{name: str(value) for name, value in changed.items()}}
        kept = {name: os.environ.pop(name) for name in Settings.model_fields if name in os.environ}
        os.environ.update(values)
        try:
            return Settings()
        finally:
            for name in values:
                del os.environ[name]
            os.environ.update(kept)

    def environment(self) -> dict[str, str]:
        """Return the environment that a process of the service takes."""
        return {
            "BILLING_ENV": "test",
            "DATABASE_URL": self.database_url,
            # A test's crowd has more threads than a process of the service, for no more connections: they wait their turn.
            "DATABASE_POOL_TIMEOUT_SECONDS": "30",
            "REDIS_URL": self.valkey.url(db=1),
            "CELERY_BROKER_URL": self.valkey.url(db=0),
            "REDIS_CREDITS_URL": self.valkey.url(db=2),
            "STRIPE_SECRET_KEY": SECRET_KEY,
            "STRIPE_PUBLISHABLE_KEY": SECRET_KEY.replace("sk_", "pk_"),
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "STRIPE_API_BASE": self.sandbox.url,
            "ENCRYPTION_KEY": base64.b64encode(bytes(32)).decode(),
            "API_KEY_PEPPER": "p" * 40,
            "PAYMENT_RATE_LIMIT": "1000000",
            "WEBHOOK_RATE_LIMIT": "1000000",
        }


def migrate(database_url: str, revision: str = "head") -> None:
    config = Config(_ROOT / "alembic.ini")
    config.attributes["sqlalchemy_url"] = database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    command.upgrade(config, revision)


def truncate_all(connection: psycopg.Connection) -> None:
    """Empty every table but the catalog, which migrations fill; the triggers that refuse it are switched off for this session."""
    names = connection.execute(
        "SELECT string_agg(format('%%I', tablename), ', ') FROM pg_tables "
        "WHERE schemaname = 'public' AND tablename <> ALL (%s)",
        [list(KEPT_TABLES)],
    ).fetchone()
    assert names is not None
    with connection.transaction():
        connection.execute("SET session_replication_role = replica")
        connection.execute(f"CREATE TEMPORARY TABLE list_prices ON COMMIT DROP AS {LIST_PRICES}".encode())
        connection.execute(f"TRUNCATE {names[0]}".encode())
        connection.execute("INSERT INTO prices SELECT * FROM list_prices")
