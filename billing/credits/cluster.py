"""The credits on a cluster: each primary holds some of the shards, and who holds which may change."""

import time
from collections import defaultdict
from contextlib import suppress
from typing import Any, cast

import redis
from redis.cluster import RedisCluster
from redis.crc import key_slot
from redis.exceptions import ClusterDownError, RedisClusterException, SlotNotCoveredError

from billing.credits.nodes import Node, Nodes, OneServer, connection_options
from billing.credits.shards import ALL_SHARDS, Shard
from billing.settings import Settings

# How old the picture of the cluster may be for who looks at all of it; an operation that was sent astray renews it at once.
_LOOK_SECONDS = 10.0
_SLOTS = {shard: key_slot(shard.epoch.encode()) for shard in ALL_SHARDS}


class Cluster:
    """The primaries of a cluster, found through the one that the settings name. Asked for them when first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: _Client | None = None
        self._looked_at = 0.0

    @property
    def client(self) -> redis.Redis:
        """What sends a command to where its keys are. Raises redis.ConnectionError."""
        return cast("redis.Redis", self._connected())  # it takes the same commands

    def all(self) -> list[Node]:
        """Return the primaries as they are now. Raises redis.ConnectionError."""
        client = self._connected()
        if time.monotonic() - self._looked_at > _LOOK_SECONDS:
            client.look_again()
            self._looked_at = time.monotonic()
        return client.primaries()

    def holding(self, key: str) -> Node:
        """Return the primary that holds a key. Raises redis.ConnectionError."""
        slot = key_slot(key.encode())
        for node in self.all():
            if any(_SLOTS[shard] == slot for shard in node.shards):
                return node
        raise redis.ConnectionError(f"no node of the cluster holds slot {slot}")

    def replicas(self) -> list[redis.Redis]:
        """Return the replicas. Raises redis.ConnectionError."""
        self.all()
        return self._connected().replicas()

    def doubt(self) -> None:
        """Ask anew who holds what, before the next answer."""
        self._looked_at = float("-inf")

    def drop(self) -> None:
        """Forget every connection."""
        self._client = None

    def close(self) -> None:
        """Close every connection."""
        if self._client is not None:
            self._client.disconnect_connection_pools()  # type: ignore[no-untyped-call]  # the library leaves it
            self._client = None

    def _connected(self) -> "_Client":
        if self._client is None:
            try:
                # What holds no shard of ours may be away, and what is away may be only a part.
                self._client = _Client(
                    url=self._settings.credits_url,
                    require_full_coverage=False,
                    reinitialize_steps=1,
                    **connection_options(self._settings),
                )
            except RedisClusterException as error:
                raise redis.ConnectionError(str(error)) from error
            self._looked_at = time.monotonic()
        return self._client


class _Client(RedisCluster):
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

    def primaries(self) -> list[Node]:
        """Return those that hold shards; a shard that nobody holds is left out."""
        holders, held = {}, defaultdict[str, list[Shard]](list)
        for shard, slot in _SLOTS.items():
            with suppress(SlotNotCoveredError):
                holder = self.nodes_manager.get_node_from_slot(slot)
                holders[holder.name] = holder
                held[holder.name].append(shard)
        return [Node(self.get_redis_connection(holders[name]), tuple(shards)) for name, shards in held.items()]

    def replicas(self) -> list[redis.Redis]:
        """Return the replicas that are known."""
        return [self.get_redis_connection(node) for node in self.get_replicas()]  # type: ignore[no-untyped-call]


def make_nodes(settings: Settings) -> Nodes:
    """Return the servers that the settings name. Connects to nothing yet."""
    return Cluster(settings) if settings.REDIS_CREDITS_CLUSTER else OneServer(settings)
