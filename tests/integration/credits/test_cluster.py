"""A cluster of which one node is away or has lost its memory: its shards are refused, and the others go on."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from billing.clock import utc_now
from billing.credits.drain import drain_to_the_end
from billing.credits.expected import read_expected
from billing.credits.expire import expire_due
from billing.credits.inspection import MemoryLost, why_closed
from billing.credits.lag import read_lag
from billing.credits.rebuild import rebuild, rebuild_if_lost
from billing.credits.server import CreditsUnavailable
from billing.credits.shards import Shard
from billing.credits.transfer import sweep_transfers, transfer
from billing.credits.verify import compare_with_server
from billing.fail_points import FailPointRaised
from cli.credits import app as credits_app
from tasks.credits import sweep
from tests.integration.credits.nodes import node_of, pair, server_of, without
from tests.integration.credits.orders import HOUR, Customer, drain
from tests.integration.usage import stories
from tests.service.commands import command
from tests.service.valkey_cluster import ValkeyCluster
from tests.service.world import World


def require_equal(world: World) -> None:
    """Assert that what the nodes have is what the ledger says."""
    assert [shard.differences for shard in compare_with_server(world.runtime, now=utc_now) if shard.differences] == []


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
    require_equal(opened)


def test_one_node_forgets_its_scripts(opened: World) -> None:
    forgetful, other = pair(opened)
    node_of(forgetful).client.script_flush()

    assert (forgetful.deduct(1).balance, other.deduct(1).balance) == (99, 99)


def test_one_node_comes_back_with_an_older_copy(opened: World, cluster: ValkeyCluster, tmp_path: Path) -> None:
    older, other = pair(opened)
    server = server_of(older, cluster)
    kept = server.data_dir / "appendonlydir"
    shutil.copytree(kept, tmp_path / "copy")
    older.deduct(60)
    drain(opened)

    server.kill()
    shutil.rmtree(kept)
    shutil.copytree(tmp_path / "copy", kept)
    server.launch()
    server.wait_until_ready()

    def found_out() -> bool:
        try:
            older.deduct(60)
        except CreditsUnavailable as error:
            return isinstance(error, MemoryLost)
        raise AssertionError("an older copy has served")

    opened.until(found_out, what="the look at the older copy")
    assert other.deduct(1).balance == 99
    assert rebuild_if_lost(opened.runtime, now=utc_now) is not None
    assert older.account().balance == 40
    require_equal(opened)


def test_while_one_node_is_rebuilt_the_others_serve(opened: World, fails_at: Callable[[str], None]) -> None:
    lost, other = pair(opened)
    node_of(lost).client.flushall()
    fails_at("credits.rebuild_wiped")
    with pytest.raises(FailPointRaised):
        rebuild_if_lost(opened.runtime, now=utc_now)

    assert other.deduct(1).balance == 99
    node_of(other).client.script_flush()
    assert other.deduct(1).balance == 98  # looked at, under the new epoch
    shard = Shard.of(other.id)
    node_of(other).client.delete(shard.account(other.id))
    assert other.account().balance == 98  # written anew, under the new epoch
    with pytest.raises(MemoryLost):
        lost.deduct(1)

    with opened.session() as session:  # the lease of the one that was cut off runs out
        session.connection().exec_driver_sql("UPDATE credit_epoch SET leased_until = now() - interval '1 second'")
    assert rebuild_if_lost(opened.runtime, now=utc_now) is not None
    assert lost.deduct(1).balance == 99
    require_equal(opened)


def test_a_rebuild_of_one_node_hides_no_loss_of_another(opened: World) -> None:
    first, second = pair(opened)
    nodes = opened.runtime.credits.nodes
    node_of(first).client.flushall()
    node_of(second).client.delete(Shard.of(second.id).epoch)

    rebuild(opened.runtime, now=utc_now, nodes=[node_of(first)])

    with opened.session() as session:
        expected = read_expected(session)
    closed = [node.shards for node in nodes.all() if why_closed(node, expected) is not None]
    assert closed == [node_of(second).shards]
    assert rebuild_if_lost(opened.runtime, now=utc_now) is not None
    assert (first.deduct(1).balance, second.deduct(1).balance) == (99, 99)


def test_while_one_node_is_dead_the_others_go_on(
    opened: World, cluster: ValkeyCluster, fails_at: Callable[[str], None]
) -> None:
    begun = utc_now()
    away, other = pair(opened)
    (third,) = (node for node in opened.runtime.credits.nodes.all() if node not in {node_of(away), node_of(other)})
    receiver = next(customer for customer in iter(lambda: Customer(opened), None) if node_of(customer) == third)
    dead_receiver = next(
        customer for customer in iter(lambda: Customer(opened), None) if node_of(customer) == node_of(away)
    )
    for to in (dead_receiver, receiver):  # begun, and left by who began them
        fails_at("credits.transfer_held")
        with pytest.raises(FailPointRaised):
            transfer(opened.runtime, other.order(10), receiver=to.id, now=begun)
    other.hold(30, at=begun, lasts=HOUR)
    shards = node_of(away).shards

    with without(server_of(away, cluster), customer=away):
        with pytest.raises(CreditsUnavailable):
            away.deduct(1)
        assert other.deduct(1).balance == 49

        items = [
            {"customer_id": customer.public, "amount": 1, "operation": "x", "idempotency_key": f"batch-{place}"}
            for place, customer in enumerate((away, other))
        ]
        refused, done = opened.call("POST", "/credits/deduct/batch", {"items": items}).json["data"]
        assert (refused["error"]["code"], done["balance"]) == ("credits_unavailable", 48)
        alone = opened.call("POST", "/credits/deduct/batch", {"items": items[:1]})
        assert (alone.status_code, alone.json["code"]) == (503, "credits_unavailable")

        assert rebuild_if_lost(opened.runtime, now=utc_now) is None
        assert expire_due(opened.runtime, now=lambda: begun + HOUR) == 1
        assert sweep_transfers(opened.runtime, now=lambda: begun + HOUR) == 1
        assert receiver.account().balance == 10
        assert drain(opened) == 8  # holds of two transfers, the hold and its end, two uses; out and in of one transfer
        with pytest.raises(CreditsUnavailable):
            drain_to_the_end(opened.runtime, now=utc_now, shards=[Shard.of(away.id)])
        drain_to_the_end(opened.runtime, now=utc_now, shards=[Shard.of(other.id)])

        assert read_lag(opened.runtime, now=utc_now())._replace(seconds=0) == (0, 0, len(shards))
        named = server_of(other, cluster).url()  # one that lives: a process that begins asks it for the others
        with World.open(opened.servers, **_credits_of(opened) | {"REDIS_CREDITS_URL": named}) as fresh:
            report = fresh.app.test_client().get("/health").json
        assert report["checks"]["credits"]["status"] == "unreachable"
        assert report["checks"]["credits"]["shards_away"] == len(shards)
        figures = opened.app.test_client().get("/metrics").text
        assert f"billing_credits_shards_away {float(len(shards))}\n" in figures

    assert rebuild_if_lost(opened.runtime, now=utc_now) is None
    assert away.deduct(1).balance == 99
    assert sweep_transfers(opened.runtime, now=lambda: begun + HOUR) == 1
    assert dead_receiver.account().balance == 10
    require_equal(opened)


def test_usage_of_the_others_is_charged_while_one_node_is_dead(opened: World, cluster: ValkeyCluster) -> None:
    away, other = pair(opened)
    stories.add_meter(opened, credits_per_unit="1")
    stories.results(opened, [stories.event(away.public, 3), stories.event(other.public, 5)])

    with without(server_of(away, cluster), customer=away):
        opened.work()
        status = {charge["customer_id"]: charge["status"] for charge in stories.charges(opened)}
        assert status == {away.id: "pending", other.id: "charged"}

    opened.make_all_due()
    opened.work()
    assert {charge["status"] for charge in stories.charges(opened)} == {"charged"}
    assert (away.account().balance, other.account().balance) == (97, 95)


def test_the_sweep_goes_on_where_one_node_cannot_be_rebuilt(opened: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.base.current_runtime", lambda: opened.runtime)
    lost, other = pair(opened)
    other.hold(30, at=utc_now() - 2 * HOUR, lasts=HOUR)
    full = node_of(lost).client
    full.flushall()
    full.config_set("maxmemory", 1)
    try:
        swept = sweep()
    finally:
        full.config_set("maxmemory", 0)

    assert "something ended of 1 accounts" in swept
    drained = opened.rows("SELECT type FROM credit_transactions WHERE customer_id = :id ORDER BY seq", id=other.id)
    assert [row["type"] for row in drained] == ["grant", "hold", "hold_expired"]
    assert rebuild_if_lost(opened.runtime, now=utc_now) is not None  # at once: the one that failed has let go
    assert lost.deduct(1).balance == 99


def test_the_commands_work_on_all_nodes(opened: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one, other = pair(opened)
    with command(credits_app, world=opened, monkeypatch=monkeypatch, data_dir=tmp_path) as run:
        for name, value in _credits_of(opened).items():
            monkeypatch.setenv(name, str(value))
        node_of(one).client.delete(Shard.of(one.id).account(one.id))
        found: dict[str, Any] = json.loads(run("verify", "--json").stdout)
        assert [difference["customer"] for difference in found["differences"]] == [str(one.id)]

        assert json.loads(run("rebuild", "--json").stdout)["accounts"] == 2

        assert json.loads(run("verify", "--json").stdout)["whole"]
    assert (one.account().balance, other.account().balance) == (100, 100)


def _credits_of(world: World) -> dict[str, object]:
    return {"REDIS_CREDITS_URL": world.settings.credits_url, "REDIS_CREDITS_CLUSTER": True}
