"""Which servers hold the shards: one holds all of them, or each primary of a cluster holds some."""

import time
from collections import defaultdict
from typing import Any, NamedTuple, Protocol, cast

import redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.crc import key_slot
from redis.exceptions import ClusterDownError, RedisClusterException
from redis.retry import Retry

from billing.credits.shards import ALL_SHARDS, Shard
from billing.settings import Settings

# How old the picture of the cluster may be for who looks at all of it; an operation that was sent astray renews it at once.
_LOOK_SECONDS = 10.0


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
        """Return every server with its shards."""

    def holding(self, key: str) -> Node:
        """Return the server that holds a key."""

    def drop(self) -> None:
        """Forget every connection without closing the sockets of a parent process (after fork)."""

    def close(self) -> None:
        """Close every connection."""


class OneServer:
    """One server."""

    def __init__(self, settings: Settings) -> None:
        self.client = redis.Redis.from_url(settings.credits_url, **_options(settings))
        self._node = Node(self.client, ALL_SHARDS)

    def all(self) -> list[Node]:
        """Return the server."""
        return [self._node]

    def holding(self, key: str) -> Node:  # noqa: ARG002 - it holds all keys
        """Return the server."""
        return self._node

    def drop(self) -> None:
        """Forget every connection."""
        self.client.connection_pool.reset()

    def close(self) -> None:
        """Close every connection."""
        self.client.close()


class Cluster:
    """The primaries of a cluster, found through the one that the settings name. Asked for them when first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cluster: _Cluster | None = None
        self._looked_at = 0.0

    @property
    def client(self) -> redis.Redis:
        """What sends a command to where its keys are. Raises redis.ConnectionError."""
        return cast("redis.Redis", self._found())  # it takes the same commands

    def all(self) -> list[Node]:
        """Return the primaries as they are now. Raises redis.ConnectionError."""
        cluster = self._found()
        if time.monotonic() - self._looked_at > _LOOK_SECONDS:
            cluster.look_again()
            self._looked_at = time.monotonic()
        shards: dict[str, list[Shard]] = defaultdict(list)
        for shard in ALL_SHARDS:
            shards[cluster.name_of_holder(shard.epoch)].append(shard)
        return [Node(cluster.client_of(name), tuple(held)) for name, held in shards.items()]

    def holding(self, key: str) -> Node:
        """Return the primary that holds a key. Raises redis.ConnectionError."""
        name = self._found().name_of_holder(key)
        held = tuple(shard for shard in ALL_SHARDS if self._found().name_of_holder(shard.epoch) == name)
        return Node(self._found().client_of(name), held)

    def drop(self) -> None:
        """Forget every connection."""
        self._cluster = None

    def close(self) -> None:
        """Close every connection."""
        if self._cluster is not None:
            self._cluster.close()
            self._cluster = None

    def _found(self) -> "_Cluster":
        if self._cluster is None:
            try:
                # What holds no shard of ours may be away, and what is away may be only a part.
                self._cluster = _Cluster(
                    url=self._settings.credits_url,
                    require_full_coverage=False,
                    reinitialize_steps=1,
                    **_options(self._settings),
                )
            except RedisClusterException as error:
                raise redis.ConnectionError(str(error)) from error
            self._looked_at = time.monotonic()
        return self._cluster


class _Cluster(RedisCluster):
    """The library's client, whose errors are all of one kind: what cannot be reached now."""

    def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().execute_command(*args, **kwargs)  # type: ignore[no-untyped-call]  # the library leaves it
        except (RedisClusterException, ClusterDownError) as error:
            raise redis.ConnectionError(str(error)) from error

    def look_again(self) -> None:
        """Ask anew who holds what."""
        try:
            self.nodes_manager.initialize()
        except RedisClusterException as error:
            raise redis.ConnectionError(str(error)) from error

    def name_of_holder(self, key: str) -> str:
        """Return the name of the primary that holds a key."""
        try:
            node = self.nodes_manager.get_node_from_slot(key_slot(key.encode()))
        except RedisClusterException as error:
            raise redis.ConnectionError(str(error)) from error
        return str(node.name)

    def client_of(self, name: str) -> redis.Redis:
        """Return the client of one node alone."""
        node = self.get_node(node_name=name)  # type: ignore[no-untyped-call]  # the library leaves it
        if node is None:
            raise redis.ConnectionError(f"{name} is no node of the cluster any more")
        return self.get_redis_connection(node)


def make_nodes(settings: Settings) -> Nodes:
    """Return the servers that the settings name. Connects to nothing yet."""
    return Cluster(settings) if settings.REDIS_CREDITS_CLUSTER else OneServer(settings)


def _options(settings: Settings) -> dict[str, Any]:
    return {
        "decode_responses": True,
        "socket_timeout": settings.REDIS_TIMEOUT_SECONDS,
        "socket_connect_timeout": settings.REDIS_TIMEOUT_SECONDS,
        # Every script that changes something keeps its answer under a key, so that it may be sent twice: once more at once,
        # because a server that restarted has closed the connections that stand in the pool.
        "retry": Retry(NoBackoff(), 1),
    }
