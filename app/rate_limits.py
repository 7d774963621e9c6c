"""Rate limits in Redis, over a sliding window, with the header fields of the IETF draft `RateLimit`.

While Redis is away nothing is limited: refusing payments because a counter cannot be read would be the greater harm.
"""

import threading
import time
from dataclasses import dataclass

import structlog
from flask import g
from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.errors import StorageError
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis import RedisError

from billing.errors import TooManyRequests
from billing.settings import Settings

_BREAK_SECONDS = 2.0
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Policy:
    """So many requests in so long a window, under a name that the headers carry."""

    name: str
    item: RateLimitItem


class RateLimiter:
    """Counts requests by policy and key."""

    def __init__(self, settings: Settings) -> None:
        storage = RedisStorage(
            settings.REDIS_URL.get_secret_value(),
            wrap_exceptions=True,
            socket_timeout=settings.REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=settings.REDIS_TIMEOUT_SECONDS,
        )
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._lock = threading.Lock()
        self._open_until = 0.0
        self.payments = Policy("payments", RateLimitItemPerMinute(settings.PAYMENT_RATE_LIMIT, namespace="payments"))
        self.webhooks = Policy("webhooks", RateLimitItemPerSecond(settings.WEBHOOK_RATE_LIMIT, namespace="webhooks"))

    def take(self, policy: Policy, *keys: str) -> None:
        """Count one request and note the headers of its answer. Raises TooManyRequests when the limit is used up."""
        with self._lock:
            if time.monotonic() < self._open_until:
                return
        try:
            allowed = self._limiter.hit(policy.item, *keys)
            stats = self._limiter.get_window_stats(policy.item, *keys)
        except (StorageError, RedisError, OSError) as error:
            with self._lock:
                self._open_until = time.monotonic() + _BREAK_SECONDS
            log.warning("rate_limit.not_counted", policy=policy.name, error=type(error).__name__)
            return
        window = policy.item.get_expiry()
        seconds_left = max(1, min(window, round(stats.reset_time - g.now.timestamp())))
        g.rate_limit_headers = {
            "RateLimit-Policy": f'"{policy.name}";q={policy.item.amount};w={window}',
            "RateLimit": f'"{policy.name}";r={max(0, stats.remaining)};t={seconds_left}',
        }
        if not allowed:
            raise TooManyRequests(
                f"{policy.item.amount} requests in {window} s are allowed here; try again in {seconds_left} s",
                retry_after_seconds=seconds_left,
            )
