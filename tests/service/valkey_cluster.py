"""A cluster of three Valkey servers, as credits may be kept on."""

import time
from collections.abc import Callable
from pathlib import Path

import redis

from local.ports import LOOPBACK, free_port
from local.valkey import ValkeyServer
from tests.service.servers import PASSWORD

_NODES = 3
_SLOTS = 16_384
_SECONDS_MAX = 20.0


class _ClusterNode(ValkeyServer):
    """One of the three. A part of the cluster goes on while another is away."""

    def prepare(self) -> None:
        super().prepare()
        settings = {
            "cluster-enabled": "yes",
            "cluster-config-file": "nodes.conf",
            "cluster-port": str(free_port()),
            "cluster-node-timeout": "1500",
            "cluster-require-full-coverage": "no",
            # For replicas: they log in at once, and may take over however long they were cut off.
            "primaryauth": PASSWORD,
            "repl-diskless-sync-delay": "0",
            "cluster-replica-validity-factor": "0",
        }
        with self._config_path.open("a", encoding="utf-8") as config:
            config.writelines(f"{name} {value}\n" for name, value in settings.items())


class ValkeyCluster:
    """Three primaries, each with a third of the slots, and so of the shards."""

    def __init__(self, directory: Path) -> None:
        self.nodes = [
            _ClusterNode(
                data_dir=directory / f"node-{number}", password=PASSWORD, fsync="always", name=f"node-{number}"
            )
            for number in range(_NODES)
        ]

    @property
    def url(self) -> str:
        """The address of one of the nodes."""
        return self.nodes[0].url()

    def start(self) -> None:
        """Start the servers, give each its slots, and let them find each other."""
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait_until_ready()
        for number, node in enumerate(self.nodes):
            first, behind = _SLOTS * number // _NODES, _SLOTS * (number + 1) // _NODES
            with redis.Redis.from_url(node.url()) as client:
                client.execute_command("CLUSTER ADDSLOTSRANGE", first, behind - 1)
                for other in self.nodes:
                    bus = _bus_port(other)
                    client.execute_command("CLUSTER MEET", LOOPBACK, other.port, bus)
        _wait(lambda: all(self._is_whole(node) for node in self.nodes), what="the cluster to form")

    def add_replica(self, of: ValkeyServer) -> ValkeyServer:
        """Start a server that follows one of the nodes, and return it once it has all that the node has."""
        replica = _ClusterNode(
            data_dir=of.data_dir.with_name(f"{of.name}-replica"),
            password=PASSWORD,
            fsync="always",
            name=f"{of.name}-replica",
        )
        replica.launch()
        self.nodes.append(replica)
        replica.wait_until_ready()
        with redis.Redis.from_url(of.url(), decode_responses=True) as primary:
            name = primary.execute_command("CLUSTER MYID")
        with redis.Redis.from_url(replica.url(), decode_responses=True) as client:
            client.execute_command("CLUSTER MEET", LOOPBACK, of.port, _bus_port(of))
            _wait(lambda: name in str(client.execute_command("CLUSTER NODES")), what="the replica to know its primary")
            client.execute_command("CLUSTER REPLICATE", name)
            _wait(lambda: client.info("replication")["master_link_status"] == "up", what="the replica to follow")
        return replica

    def begin_to_move(self, key: str, *, origin: ValkeyServer, target: ValkeyServer) -> int:
        """Let a key's slot be on its way between two nodes, and return the slot."""
        with redis.Redis.from_url(origin.url()) as source, redis.Redis.from_url(target.url()) as sink:
            slot = int(source.execute_command("CLUSTER KEYSLOT", key))
            sink.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", source.execute_command("CLUSTER MYID"))
            source.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", sink.execute_command("CLUSTER MYID"))
        return slot

    def move(self, slot: int, *, keys: str, origin: ValkeyServer, target: ValkeyServer) -> None:
        """Bring the keys of a slot that is on its way to the other node, and tell all."""
        with redis.Redis.from_url(origin.url()) as source:
            source.migrate(LOOPBACK, target.port, source.keys(keys), 0, 5_000, auth=PASSWORD)
        with redis.Redis.from_url(target.url()) as sink:
            owner = sink.execute_command("CLUSTER MYID")
        for node in self.nodes:
            with redis.Redis.from_url(node.url()) as client:
                client.execute_command("CLUSTER SETSLOT", slot, "NODE", owner)

    def flush(self) -> None:
        """Empty every node."""
        for node in self.nodes:
            with redis.Redis.from_url(node.url()) as client:
                client.flushall()

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()

    @staticmethod
    def _is_whole(node: ValkeyServer) -> bool:
        with redis.Redis.from_url(node.url(), decode_responses=True) as client:
            told = client.execute_command("CLUSTER INFO")
        return (told["cluster_state"], int(told["cluster_known_nodes"])) == ("ok", _NODES)


def _bus_port(node: ValkeyServer) -> int:
    with redis.Redis.from_url(node.url(), decode_responses=True) as client:
        return int(client.config_get("cluster-port")["cluster-port"])


def _wait(condition: Callable[[], bool], *, what: str) -> None:
    deadline = time.monotonic() + _SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)
