"""A cluster of three Valkey servers, as credits may be kept on."""

import time
from pathlib import Path

import redis

from local.ports import LOOPBACK, free_port
from local.valkey import ValkeyServer
from tests.service.servers import PASSWORD

_NODES = 3
_SLOTS = 16_384
_FORMED_SECONDS_MAX = 20.0


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
        deadline = time.monotonic() + _FORMED_SECONDS_MAX
        while not all(self._is_whole(node) for node in self.nodes):
            assert time.monotonic() < deadline, "the cluster did not form"
            time.sleep(0.05)

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
