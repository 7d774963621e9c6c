"""Which servers hold the shards: one holds all of them, or each primary of a cluster holds some (cluster.py)."""

from typing import Any, NamedTuple, Protocol

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from billing.credits.shards import ALL_SHARDS, Shard
from billing.settings import Settings


class Node(NamedTuple):
    """A server, and the shards that it holds."""

    client: redis.Redis
    shards: tuple[Shard, ...]


class Nodes(Protocol):
    """The servers of the credits."""

    @property
    def client(self) -> redis.Redis:
        """What sends a command of one key, or of keys of one shard, to where they are."""

    def all(self) -> list[Node]:
        """Return every server with its shards. A shard that nobody holds now is missing."""

    def holding(self, key: str) -> Node:
        """Return the server that holds a key."""

    def replicas(self) -> list[redis.Redis]:
        """Return the servers that may take over from one of `all`, as far as they are known."""

    def doubt(self) -> None:
        """Ask anew who holds what, before the next answer."""

    def drop(self) -> None:
        """Forget every connection without closing the sockets of a parent process (after fork)."""

    def close(self) -> None:
        """Close every connection."""


class OneServer:
    """One server."""

    def __init__(self, settings: Settings) -> None:
        self.client = redis.Redis.from_url(settings.credits_url, **connection_options(settings))
        self._node = Node(self.client, ALL_SHARDS)

    def all(self) -> list[Node]:
        """Return the server."""
        return [self._node]

    def holding(self, key: str) -> Node:  # noqa: ARG002 - it holds all keys
        """Return the server."""
        return self._node

    def replicas(self) -> list[redis.Redis]:
        """Return nothing: who follows the server is not known."""
        return []

    def doubt(self) -> None:
        """Do nothing: it holds all keys."""

    def drop(self) -> None:
        """Forget every connection."""
        self.client.connection_pool.reset()

    def close(self) -> None:
        """Close every connection."""
        self.client.close()


def connection_options(settings: Settings) -> dict[str, Any]:
    """Return how the servers are spoken to."""
    return {
        "decode_responses": True,
        "socket_timeout": settings.REDIS_TIMEOUT_SECONDS,
        "socket_connect_timeout": settings.REDIS_TIMEOUT_SECONDS,
        # Every script that changes something keeps its answer under a key, so that it may be sent twice: once more at once,
        # because a server that restarted has closed the connections that stand in the pool.
        "retry": Retry(NoBackoff(), 1),
    }
