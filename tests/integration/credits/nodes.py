"""Customers by the node of the cluster that holds their credits, and nodes that are away."""

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from billing.credits.nodes import Node
from billing.credits.server import CreditsUnavailable
from billing.credits.shards import Shard
from local.valkey import ValkeyServer
from tests.integration.credits.orders import Customer, drain
from tests.service.valkey_cluster import ValkeyCluster
from tests.service.world import World


def node_of(customer: Customer) -> Node:
    return customer.world.runtime.credits.nodes.holding(Shard.of(customer.id).epoch)


def port_of(customer: Customer) -> int:
    return int(node_of(customer).client.connection_pool.connection_kwargs["port"])


def server_of(customer: Customer, cluster: ValkeyCluster) -> ValkeyServer:
    (server,) = (server for server in cluster.nodes if server.port == port_of(customer))
    return server


def pair(world: World) -> tuple[Customer, Customer]:
    """Return two customers with 100 credits each, on two nodes; all of it is drained."""
    one = Customer(world)
    for _ in range(100):
        other = Customer(world)
        if port_of(one) != port_of(other):
            one.grant(100)
            other.grant(100)
            drain(world)
            return one, other
    raise AssertionError("no such pair")


@contextmanager
def without(server: ValkeyServer, *, customer: Customer) -> Iterator[None]:
    """Let a server be dead for a while; then it is there again, and has answered for a customer that it holds."""
    server.kill()
    try:
        yield
    finally:
        server.launch()
        server.wait_until_ready()
        wait_until_served(customer)


def wait_until_served(customer: Customer) -> None:
    """Wait until the cluster has agreed again who holds what."""

    def served() -> bool:
        try:
            customer.account()
        except (CreditsUnavailable, redis.RedisError):
            return False
        return True

    customer.world.until(served, what="the customer's node")
