"""Rate limits in Redis, over a sliding window, with the header fields of the IETF draft `RateLimit`.

While Redis is away nothing is limited: refusing payments because a counter cannot be read would be the greater harm.
"""

import threading
import time
from dataclasses import dataclass
from typing import NamedTuple

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
# A block is at most a tenth of the limit, and never so large that taking one says nothing any more.
_BLOCKS_IN_LIMIT, _BLOCK_MAX = 10, 100
_BLOCKED_KEYS_MAX = 10_000
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Policy:
    """So many requests in so long a window, under a name that the headers carry.

    A process takes them from Redis in blocks. One request is exact; a larger block spares a busy route the question, and may
    refuse a source up to a block for each process early.
    """

    name: str
    item: RateLimitItem
    block: int = 1


@dataclass
class _Block:
    """Requests that were counted in Redis and are still to come, while the window in which they were counted lasts."""

    left: int
    ends_at: float
    remaining: int
    seconds_left: int


class _Counted(NamedTuple):
    """What is left after one request, and whether it was within the limit."""

    remaining: int
    seconds_left: int
    allowed: bool


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
        self._blocks: dict[tuple[str, ...], _Block] = {}
        webhooks = settings.WEBHOOK_RATE_LIMIT
        self.payments = Policy("payments", RateLimitItemPerMinute(settings.PAYMENT_RATE_LIMIT, namespace="payments"))
        self.webhooks = Policy(
            "webhooks",
            RateLimitItemPerSecond(webhooks, namespace="webhooks"),
            block=max(1, min(webhooks // _BLOCKS_IN_LIMIT, _BLOCK_MAX)),
        )

    def take(self, policy: Policy, *keys: str) -> None:
        """Count one request and note the headers of its answer. Raises TooManyRequests when the limit is used up."""
        counted = self._from_block((policy.name, *keys))
        if counted is None:
            if self._is_open():
                return
            try:
                counted = self._count(policy, keys)
            except (StorageError, RedisError, OSError) as error:
                with self._lock:
                    self._open_until = time.monotonic() + _BREAK_SECONDS
                log.warning("rate_limit.not_counted", policy=policy.name, error=type(error).__name__)
                return
        remaining, seconds_left, allowed = counted
        window = policy.item.get_expiry()
        g.rate_limit_headers = {
            "RateLimit-Policy": f'"{policy.name}";q={policy.item.amount};w={window}',
            "RateLimit": f'"{policy.name}";r={remaining};t={seconds_left}',
        }
        if not allowed:
            raise TooManyRequests(
                f"{policy.item.amount} requests in {window} s are allowed here; try again in {seconds_left} s",
                retry_after_seconds=seconds_left,
            )

    def _is_open(self) -> bool:
        with self._lock:
            return time.monotonic() < self._open_until

    def _from_block(self, key: tuple[str, ...]) -> _Counted | None:
        with self._lock:
            block = self._blocks.get(key)
            if block is None:
                return None
            if block.left == 0 or time.monotonic() >= block.ends_at:
                del self._blocks[key]
                return None
            block.left -= 1
            return _Counted(block.remaining + block.left, block.seconds_left, allowed=True)

    def _count(self, policy: Policy, keys: tuple[str, ...]) -> _Counted:
        size = policy.block
        allowed = self._limiter.hit(policy.item, *keys, cost=size)
        if not allowed and size > 1:  # less than a block is left; there may be one
            size, allowed = 1, self._limiter.hit(policy.item, *keys)
        stats = self._limiter.get_window_stats(policy.item, *keys)
        remaining = max(0, stats.remaining)
        seconds_left = max(1, min(policy.item.get_expiry(), round(stats.reset_time - g.now.timestamp())))
        if allowed and size > 1:
            with self._lock:
                if len(self._blocks) >= _BLOCKED_KEYS_MAX:
                    self._blocks.clear()
                self._blocks[policy.name, *keys] = _Block(
                    size - 1, time.monotonic() + policy.item.get_expiry(), remaining, seconds_left
                )
        return _Counted(remaining + size - 1, seconds_left, allowed)
