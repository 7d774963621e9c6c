"""A cluster that changes: a shard moves to another node, a replica takes over, a node is not as it has to be."""

import os
import signal
from pathlib import Path

import pytest
import redis

from billing.clock import utc_now
from billing.credits.deduct import deduct
from billing.credits.drain import drain_journals
from billing.credits.inspection import MemoryLost
from billing.credits.rebuild import rebuild_if_lost
from billing.credits.scripts import Script, sha, source
from billing.credits.server import CreditsUnavailable
from billing.credits.shards import Shard
from billing.credits.verify import compare_with_server
from cli.doctor.credit_servers import check_credits
from tests.integration.credits.nodes import node_of, pair, server_of
from tests.integration.credits.orders import NOW, Customer, drain
from tests.service.servers import ServiceServers
from tests.service.valkey_cluster import ValkeyCluster
from tests.service.world import World


def test_a_shard_that_moves_is_refused_meanwhile_and_found_again(opened: World, cluster: ValkeyCluster) -> None:
    moved, other = pair(opened)
    moved.deduct(1)
    origin, target = server_of(moved, cluster), server_of(other, cluster)
    shard = Shard.of(moved.id)
    slot = cluster.begin_to_move(shard.epoch, origin=origin, target=target)

    with pytest.raises(CreditsUnavailable):
        moved.deduct(1)

    cluster.move(slot, keys=shard.epoch.replace("epoch", "*"), origin=origin, target=target)
    # The drain asks nodes, not keys: the first finds out that the picture is old.
    assert [drain_journals(opened.runtime, now=utc_now) for _ in range(2)] == [0, 1]
    assert moved.deduct(1).balance == 98
    assert node_of(moved) == node_of(other)
    assert [found.differences for found in compare_with_server(opened.runtime, now=utc_now) if found.differences] == []


def test_a_replica_that_takes_over_with_an_older_memory_serves_nothing(servers: ServiceServers, tmp_path: Path) -> None:
    servers.reset()
    cluster = ValkeyCluster(tmp_path)
    try:
        cluster.start()
        with World.open(servers, REDIS_CREDITS_URL=cluster.url, REDIS_CREDITS_CLUSTER=True) as world:
            world.open_credits()
            let_an_older_replica_take_over(world, cluster)
    finally:
        cluster.stop()


def let_an_older_replica_take_over(world: World, cluster: ValkeyCluster) -> None:
    customer = Customer(world)
    customer.grant(100)
    drain(world)
    primary = server_of(customer, cluster)
    replica = cluster.add_replica(primary)
    with redis.Redis.from_url(replica.url()) as client:
        for script in Script:  # it has them, as one that was a primary before
            client.script_load(source(script))

        def forgotten() -> bool:  # the sweep asks again and again; nodes learn of a new replica from each other
            world.runtime.credits.nodes.doubt()
            world.runtime.credits.close_replicas()
            return not any(client.script_exists(*map(sha, Script)))

        world.until(forgotten, what="the replica to forget its scripts")

    assert replica.pid is not None
    os.kill(replica.pid, signal.SIGSTOP)
    with redis.Redis.from_url(primary.url()) as client:
        client.client_kill_filter(_type="replica")  # nothing more reaches it, not even what waits in a socket
    customer.deduct(60)
    drain(world)
    primary.kill()
    os.kill(replica.pid, signal.SIGCONT)

    def found_out() -> bool:
        try:
            customer.deduct(60)
        except CreditsUnavailable as error:
            return isinstance(error, MemoryLost)
        raise AssertionError("an older memory has served")

    world.until(found_out, what="the replica to take over")
    assert rebuild_if_lost(world.runtime, now=utc_now) is not None
    assert customer.account().balance == 40


def test_the_doctor_looks_at_every_node(opened: World, cluster: ValkeyCluster) -> None:
    findings = check_credits(opened.settings)
    assert {finding.verdict for finding in findings} == {"ok"}
    assert sum(finding.check.endswith("persistence") for finding in findings) == 3

    with redis.Redis.from_url(cluster.nodes[1].url()) as client:
        client.config_set("appendfsync", "everysec")
        client.config_set("cluster-require-full-coverage", "yes")
    try:
        bad = {finding.check: finding for finding in check_credits(opened.settings) if finding.verdict != "ok"}
    finally:
        with redis.Redis.from_url(cluster.nodes[1].url()) as client:
            client.config_set("appendfsync", "always")
            client.config_set("cluster-require-full-coverage", "no")
    (persistence,) = (finding for check, finding in bad.items() if check.endswith("persistence"))
    assert (persistence.verdict, persistence.mend) == ("failed", "set appendfsync always")
    assert bad["credits coverage"].verdict == "warning"
    assert len(bad) == 2


def test_the_doctor_and_the_caller_are_told_of_a_setting_that_names_one_node_only(
    opened: World, cluster: ValkeyCluster
) -> None:
    one, other = pair(opened)
    port = cluster.nodes[0].port
    elsewhere = other if server_of(one, cluster).port == port else one
    with World.open(opened.servers, REDIS_CREDITS_URL=cluster.nodes[0].url()) as alone:
        failed = [finding for finding in check_credits(alone.settings) if finding.verdict == "failed"]
        assert [finding.mend for finding in failed] == ["set REDIS_CREDITS_CLUSTER=true"]
        with pytest.raises(CreditsUnavailable):
            deduct(alone.runtime, elsewhere.order(1), now=NOW)


def test_the_doctor_is_told_of_a_server_that_is_no_cluster(opened: World) -> None:
    settings = opened.servers.settings(REDIS_CREDITS_URL=opened.servers.valkey.url(), REDIS_CREDITS_CLUSTER=True)

    (finding,) = check_credits(settings)

    assert finding.verdict == "failed"
    assert "REDIS_CREDITS_CLUSTER" in (finding.mend or "")
