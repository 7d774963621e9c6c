"""What a process of this service holds: its database, its gateway, its Redis, and how it sends hints."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import psycopg
import redis
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session, sessionmaker

from billing import audit, unit_of_work
from billing.credits.expected import Expected, read_expected
from billing.credits.inspection import require_open
from billing.credits.nodes import Node
from billing.credits.on_clocks import CustomersOnClocks
from billing.credits.server import CreditServer
from billing.database import make_engine
from billing.gateways.stripe_gateway import StripeGateway
from billing.hints import Hint
from billing.settings import Settings
from billing.work_desk import WorkDesk


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """The parts that processes need; made once per operating-system process."""

    settings: Settings
    engine: Engine
    sessions: sessionmaker[Session]
    autocommit: Engine
    gateway: StripeGateway
    desk: WorkDesk
    redis: redis.Redis
    credits: CreditServer
    on_clocks: CustomersOnClocks
    send_hint: Callable[[Hint], None]

    def transaction(self) -> AbstractContextManager[Session]:
        """Open one short transaction; see billing/unit_of_work.py."""
        return unit_of_work.transaction(self.sessions, send_hint=self.send_hint)

    def statements(self, *hints: Hint) -> AbstractContextManager[Connection]:
        """Open a connection on which each statement is a transaction of its own; see billing/unit_of_work.py."""
        return unit_of_work.statements(self.autocommit, *hints, send_hint=self.send_hint)

    def driver_statements(self, *hints: Hint) -> AbstractContextManager[psycopg.Connection]:
        """Do as `statements` does, with the driver's own connection; see billing/unit_of_work.py."""
        return unit_of_work.driver_statements(self.autocommit, *hints, send_hint=self.send_hint)

    def close(self) -> None:
        """Close every connection."""
        self.desk.close()
        self.engine.dispose()
        self.autocommit.dispose()
        self.redis.close()
        self.credits.close()

    def dispose(self) -> None:
        """Drop every connection without closing the sockets of a parent process (after fork)."""
        self.engine.dispose(close=False)
        self.autocommit.dispose(close=False)
        self.redis.connection_pool.reset()
        self.credits.nodes.drop()


def make_runtime(settings: Settings, *, send_hint: Callable[[Hint], None]) -> Runtime:
    """Build a process's parts. Connects to nothing yet."""
    engine = make_engine(settings)
    sessions = sessionmaker(engine, expire_on_commit=False, info={audit.ENABLED: settings.ENABLE_AUDIT_LOG})

    def expected() -> Expected:
        with unit_of_work.transaction(sessions, send_hint=send_hint) as session:
            return read_expected(session)

    def inspect(node: Node) -> Expected:
        return require_open(node, read=expected, ask_for_rebuild=lambda: send_hint(Hint.CREDITS_REBUILD))

    return Runtime(
        settings=settings,
        engine=engine,
        sessions=sessions,
        autocommit=make_engine(settings, autocommit=True),
        gateway=StripeGateway(
            api_key=settings.STRIPE_SECRET_KEY.get_secret_value(),
            api_base=settings.STRIPE_API_BASE,
            timeout_seconds=settings.STRIPE_TIMEOUT_SECONDS,
        ),
        desk=WorkDesk(),
        redis=redis.Redis.from_url(
            settings.REDIS_URL.get_secret_value(),
            decode_responses=True,
            socket_timeout=settings.REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=settings.REDIS_TIMEOUT_SECONDS,
        ),
        credits=CreditServer(settings, inspect=inspect),
        on_clocks=CustomersOnClocks(),
        send_hint=send_hint,
    )
