"""How the service is: looked at once a second at most, whoever asks, and never hanging on a part that is away."""

import threading
import time
from datetime import datetime, timedelta
from typing import Any

import redis
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.version import VERSION
from billing.beat_slots import BEAT, GATEWAY, queue_heartbeat
from billing.business_time import in_real_time
from billing.clock import utc_now
from billing.credits.lag import read_lag
from billing.errors import Unavailable
from billing.mirror.served import counts
from billing.runtime import Runtime
from billing.subscriptions.state import SERVED
from billing.timestamps import iso
from billing.unit_of_work import DatabaseUnavailable
from models.audit import AuditEntry
from models.beat_slot import Heartbeat
from models.credits import CreditUsage
from models.mirror import MirroredSubscription
from models.payment import Payment, PaymentStatus
from models.subscription import Subscription
from tasks.queues import QUEUES

SERVICE = "billing-service"
_CACHED_SECONDS = 1.0
_QUEUE_SILENT_AFTER = timedelta(seconds=100)
_BEAT_SILENT_AFTER = timedelta(seconds=60)
_GATEWAY_SILENT_AFTER = timedelta(seconds=150)


class NotReady(Unavailable):
    """Postgres does not answer, or its tables are not ours yet."""

    code = "not_ready"


class HealthBoard:
    """The last look at every part, and when it was."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._looked_at = float("-inf")
        self._report: dict[str, Any] = {}
        settings = runtime.settings
        self._servers = {
            "redis": self._client(settings.REDIS_URL.get_secret_value()),
            "broker": self._client(settings.broker_url),
        }

    def report(self) -> dict[str, Any]:
        """Return `GET /health`'s body."""
        with self._lock:
            if time.monotonic() - self._looked_at > _CACHED_SECONDS:
                self._report = self._look()
                self._looked_at = time.monotonic()
            return {**self._report, "uptime": round(time.monotonic() - self._started, 1)}

    def require_ready(self) -> None:
        """Raise NotReady unless Postgres answers and has our tables."""
        try:
            with self._runtime.transaction() as session:
                session.execute(select(AuditEntry.id).limit(1))
        except (DatabaseUnavailable, SQLAlchemyError) as error:
            raise NotReady("Postgres does not answer, or `billing migrate` has not run") from error

    def _look(self) -> dict[str, Any]:
        checks: dict[str, dict[str, Any]] = {
            name: {"status": _answers(client)} for name, client in self._servers.items()
        }
        stats: dict[str, int | None] = dict.fromkeys(
            ("active_subscriptions", "mrr", "transactions_today", "credits_consumed")
        )
        now = utc_now()
        try:
            with self._runtime.transaction() as session:
                seen = {beat.name: beat.last_seen_at for beat in session.scalars(select(Heartbeat))}
                stats["transactions_today"] = _payments_today(session, now=now)
                stats["credits_consumed"] = _credits_today(session, now=now)
                stats["active_subscriptions"] = _active_subscriptions(session)
            checks["postgres"] = {"status": "ok"}
        except (DatabaseUnavailable, SQLAlchemyError):
            seen = {}
            checks["postgres"] = {"status": "unreachable"}
        checks["credits"] = self._credits(now=now) if checks["postgres"]["status"] == "ok" else self._credits_alone()
        checks["workers"] = _workers(seen, now=now)
        checks["beat"] = _heartbeat(seen, BEAT, silent_after=_BEAT_SILENT_AFTER, now=now)
        gateway = _heartbeat(seen, GATEWAY, silent_after=_GATEWAY_SILENT_AFTER, now=now)
        checks["stripe"] = {**gateway, "status": "ok" if gateway["status"] == "ok" else gateway["status"]}
        fine = all(check["status"] == "ok" for name, check in checks.items() if name != "stripe")
        stripe = {"ok": "connected", "unknown": "unknown"}.get(gateway["status"], "unreachable")
        return {
            "status": "ok" if fine and stripe != "unreachable" else "degraded",
            "service": SERVICE,
            "version": VERSION,
            "stripe": stripe,
            "stats": stats,
            "checks": checks,
        }

    def _credits(self, *, now: datetime) -> dict[str, Any]:
        """Say whether every node answers, and how far Postgres is behind the journals."""
        try:
            lag = read_lag(self._runtime, now=now)
        except Unavailable:
            return {"status": "unreachable"}
        said = {"undrained": {"entries": lag.entries, "oldest_seconds": lag.seconds}}
        if lag.shards_away:
            return {"status": "unreachable", "shards_away": lag.shards_away, **said}
        late = lag.seconds > self._runtime.settings.CREDIT_LAG_ALERT_SECONDS
        return {"status": "lagging" if late else "ok", **said}

    def _credits_alone(self) -> dict[str, Any]:
        return {"status": "ok" if self._runtime.credits.answers() else "unreachable"}

    def _client(self, url: str) -> redis.Redis:
        timeout = self._runtime.settings.REDIS_TIMEOUT_SECONDS
        return redis.Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout)


def _answers(client: redis.Redis) -> str:
    try:
        client.ping()
    except (redis.RedisError, OSError):
        return "unreachable"
    return "ok"


def _workers(seen: dict[str, datetime], *, now: datetime) -> dict[str, Any]:
    queues = {
        queue: _heartbeat(seen, queue_heartbeat(queue), silent_after=_QUEUE_SILENT_AFTER, now=now) for queue in QUEUES
    }
    fine = all(state["status"] == "ok" for state in queues.values())
    return {"status": "ok" if fine else "silent", "queues": queues}


def _heartbeat(seen: dict[str, datetime], name: str, *, silent_after: timedelta, now: datetime) -> dict[str, Any]:
    at = seen.get(name)
    status = "unknown" if at is None else "ok" if now - at <= silent_after else "silent"
    return {"status": status, "last_seen": iso(at)}


def _payments_today(session: Session, *, now: datetime) -> int:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return (
        session.scalar(
            select(func.count()).where(Payment.updated_at >= midnight, Payment.status == PaymentStatus.SUCCEEDED)
        )
        or 0
    )


def _active_subscriptions(session: Session) -> int:
    """Return how many subscriptions are served now, whoever bills them; those of test clocks do not count."""
    ours = select(func.count()).select_from(Subscription)
    ours = ours.where(Subscription.status.in_(SERVED), Subscription.test_clock_id.is_(None))
    mirrored = select(func.count()).select_from(MirroredSubscription)
    mirrored = mirrored.where(
        MirroredSubscription.status.in_(SERVED), counts(), in_real_time(MirroredSubscription.customer_id)
    )
    return (session.scalar(ours) or 0) + (session.scalar(mirrored) or 0)


def _credits_today(session: Session, *, now: datetime) -> int:
    used = select(func.coalesce(func.sum(CreditUsage.amount), 0)).where(CreditUsage.day == now.date())
    return int(session.scalar(used) or 0)  # the sum of integers is a numeric
