"""The journal's lag: seen in the figures, and told of when it is too long."""

import json

from billing.clock import utc_now
from billing.credits.lag import Lag, read_lag
from billing.credits.shards import Shard
from tests.integration.credits.orders import Customer, drain
from tests.service.world import World

OLD = "1764000000000-1"


def figures(world: World) -> dict[str, float]:
    lines = world.app.test_client().get("/metrics").text.splitlines()
    return {line.split(" ")[0]: float(line.split(" ")[1]) for line in lines if line.startswith("billing_credits_")}


def test_what_is_not_drained_is_counted(opened: World) -> None:
    assert read_lag(opened.runtime, now=utc_now()) == Lag(0, 0.0)
    customer = Customer(opened)
    customer.grant(100)
    customer.deduct(1)

    lag = read_lag(opened.runtime, now=utc_now())
    assert lag.entries == 2
    assert 0 <= lag.seconds < 30
    assert figures(opened)["billing_credits_undrained"] == 2

    drain(opened)
    assert read_lag(opened.runtime, now=utc_now()) == Lag(0, 0.0)
    assert figures(opened) == {
        "billing_credits_undrained": 0,
        "billing_credits_lag_seconds": 0,
        "billing_credits_shards_away": 0,
    }


def test_health_counts_the_credits_of_today(opened: World) -> None:
    customer = opened.customer_with_credits(100)
    body = {"customer_id": customer, "amount": 7, "operation": "ai"}
    assert opened.call("POST", "/credits/deduct", body).status_code == 200
    drain(opened)

    with World.open(opened.servers) as other:  # a process that has not looked yet
        report = other.app.test_client().get("/health")

    assert (report.status_code, report.json["stats"]["credits_consumed"]) == (200, 7)


def test_health_tells_of_entries_that_nobody_drains(opened: World) -> None:
    fine = opened.app.test_client().get("/health").json["checks"]["credits"]
    assert fine == {"status": "ok", "undrained": {"entries": 0, "oldest_seconds": 0.0}}

    journal = Shard(7).journal
    opened.runtime.credits.redis.xadd(journal, {"e": json.dumps({})}, id=OLD)
    with World.open(opened.servers) as other:  # a process that has not looked yet
        report = other.app.test_client().get("/health").json
    assert report["checks"]["credits"]["status"] == "lagging"
    assert report["checks"]["credits"]["undrained"]["oldest_seconds"] > 60
    assert report["status"] == "degraded"
    opened.runtime.credits.redis.delete(journal)
