"""How migrations run: one at a time (advisory lock), and never waiting long for a table that others use (lock_timeout)."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from billing.advisory_locks import AdvisoryLock
from billing.settings import load_settings
from models import Base

LOCK_TIMEOUT = "2s"


def run_online() -> None:
    url = context.config.attributes.get("sqlalchemy_url") or load_settings().sqlalchemy_url
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        # Two deployments that migrate at once take turns.
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": AdvisoryLock.MIGRATION})
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            transaction_per_migration=True,
            compare_server_default=True,
        )
        with context.begin_transaction():
            context.run_migrations()


def run_offline() -> None:
    context.configure(dialect_name="postgresql", target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
