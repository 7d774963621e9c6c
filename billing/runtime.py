"""What a process of this service holds: its database, its gateway, its Redis, and how it sends hints."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import redis
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session, sessionmaker

from billing import audit, unit_of_work
from billing.database_connection import limit_waits
from billing.gateways.stripe_gateway import StripeGateway
from billing.hints import Hint
from billing.settings import Settings

_MAX_OVERFLOW = 5
_CONNECT_TIMEOUT_SECONDS = 3


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """The parts that processes need; made once per operating-system process."""

    settings: Settings
    engine: Engine
    sessions: sessionmaker[Session]
    gateway: StripeGateway
    redis: redis.Redis
    send_hint: Callable[[Hint], None]

    def transaction(self) -> AbstractContextManager[Session]:
        """Open one short transaction; see billing/unit_of_work.py."""
        return unit_of_work.transaction(self.sessions, send_hint=self.send_hint)

    def dispose(self) -> None:
        """Drop every connection without closing the sockets of a parent process (after fork)."""
        self.engine.dispose(close=False)
        self.redis.connection_pool.reset()


def make_engine(settings: Settings) -> Engine:
    """Return the engine: bounded pool, bounded statements and waits, connections checked before use."""
    statement_timeout_ms = int(settings.DATABASE_STATEMENT_TIMEOUT_SECONDS * 1000)
    engine = create_engine(
        settings.sqlalchemy_url,
        pool_size=settings.DATABASE_POOL_SIZE,
        max_overflow=_MAX_OVERFLOW,
        pool_timeout=settings.DATABASE_POOL_TIMEOUT_SECONDS,
        pool_pre_ping=True,
        hide_parameters=True,  # a statement in a log line must not carry a customer's data
        connect_args={
            "connect_timeout": _CONNECT_TIMEOUT_SECONDS,
            "application_name": "billing",
            "options": f"-c statement_timeout={statement_timeout_ms} -c lock_timeout={statement_timeout_ms // 2} "
            "-c idle_in_transaction_session_timeout=30000 -c timezone=UTC",
        },
    )
    limit_waits(engine, statement_timeout_seconds=settings.DATABASE_STATEMENT_TIMEOUT_SECONDS)
    return engine


def make_runtime(settings: Settings, *, send_hint: Callable[[Hint], None]) -> Runtime:
    """Build a process's parts. Connects to nothing yet."""
    engine = make_engine(settings)
    return Runtime(
        settings=settings,
        engine=engine,
        sessions=sessionmaker(engine, expire_on_commit=False, info={audit.ENABLED: settings.ENABLE_AUDIT_LOG}),
        gateway=StripeGateway(
            api_key=settings.STRIPE_SECRET_KEY.get_secret_value(),
            api_base=settings.STRIPE_API_BASE,
            timeout_seconds=settings.STRIPE_TIMEOUT_SECONDS,
        ),
        redis=redis.Redis.from_url(
            settings.REDIS_URL.get_secret_value(),
            decode_responses=True,
            socket_timeout=settings.REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=settings.REDIS_TIMEOUT_SECONDS,
        ),
        send_hint=send_hint,
    )
