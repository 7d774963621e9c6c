"""A cluster of which one node is away or has lost its memory: its shards are refused, and the others go on."""

import pytest
import redis

from billing.clock import utc_now
from billing.credits.inspection import MemoryLost
from billing.credits.nodes import Node
from billing.credits.rebuild import rebuild_if_lost
from billing.credits.server import CreditsUnavailable
from billing.credits.shards import Shard
from billing.credits.verify import compare_with_server
from tests.integration.credits.orders import Customer, drain
from tests.service.valkey_cluster import ValkeyCluster
from tests.service.world import World


def node_of(customer: Customer) -> Node:
    return customer.world.runtime.credits.nodes.holding(Shard.of(customer.id).epoch)


def port_of(customer: Customer) -> int:
    return int(node_of(customer).client.connection_pool.connection_kwargs["port"])


def pair(world: World) -> tuple[Customer, Customer]:
    """Return two customers with 100 credits each, on two nodes."""
    one = Customer(world)
    for _ in range(100):
        other = Customer(world)
        if port_of(one) != port_of(other):
            one.grant(100)
            other.grant(100)
            drain(world)
            return one, other
    raise AssertionError("no such pair")


def test_every_node_holds_some_shards(opened: World) -> None:
    nodes = opened.runtime.credits.nodes.all()

    assert len(nodes) == 3
    assert sorted(shard.number for node in nodes for shard in node.shards) == list(range(64))
    assert all(len(node.shards) > 10 for node in nodes)


def test_the_memory_of_one_node_is_lost(opened: World) -> None:
    lost, other = pair(opened)
    node_of(lost).client.flushall()

    with pytest.raises(MemoryLost):
        lost.deduct(1)
    assert other.deduct(1).balance == 99

    assert rebuild_if_lost(opened.runtime, now=utc_now) is not None
    assert (lost.deduct(1).balance, other.deduct(1).balance) == (99, 98)
    drain(opened)
    assert [shard.differences for shard in compare_with_server(opened.runtime, now=utc_now) if shard.differences] == []


def test_one_node_forgets_its_scripts(opened: World) -> None:
    forgetful, other = pair(opened)
    node_of(forgetful).client.script_flush()

    assert (forgetful.deduct(1).balance, other.deduct(1).balance) == (99, 99)


def test_one_node_dies_and_comes_back(opened: World, cluster: ValkeyCluster) -> None:
    away, other = pair(opened)
    (server,) = (node for node in cluster.nodes if node.port == port_of(away))
    before = away.deduct(1)
    server.kill()
    try:
        with pytest.raises(CreditsUnavailable):
            away.deduct(1)
        assert other.deduct(1).balance == 99
    finally:
        server.launch()
        server.wait_until_ready()

    def answered() -> bool:
        try:
            return away.deduct(1).balance == before.balance - 1
        except (CreditsUnavailable, redis.RedisError):
            return False

    opened.until(answered, what="the node")
    assert rebuild_if_lost(opened.runtime, now=utc_now) is None
