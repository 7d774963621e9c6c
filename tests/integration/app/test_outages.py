"""What the API answers while a part of the service is away."""

import socket
import time

import pytest

from billing.access.key_text import new_key_text
from tests.integration.app.asking import require_problem
from tests.service.servers import ServiceServers
from tests.service.world import World, sign

# Nothing listens on port 1; a connection is refused at once.
DEAD_POSTGRES = "postgresql://nobody:canary-password@127.0.0.1:1/nothing"
DEAD_REDIS = "redis://:canary-password@127.0.0.1:1/1"


def test_without_postgres_the_answer_is_to_come_back(servers: ServiceServers) -> None:
    with World.open(servers, DATABASE_URL=DEAD_POSTGRES) as world:
        key = new_key_text(mode="test")
        event = b'{"id": "evt_1", "type": "x", "livemode": false, "data": {"object": {}}}'
        for answer, code in (
            (world.call("GET", "/customers", key=key), "database_unavailable"),
            (world.call("POST", "/customers", {"email": "a@b.c"}, key=key), "database_unavailable"),
            (world.deliver_raw(event, signature=sign(event)), "database_unavailable"),
            (world.call("GET", "/health/ready", key=key), "not_ready"),
        ):
            require_problem(answer, status=503, code=code)
            assert int(answer.headers["Retry-After"]) > 0
            assert "canary" not in answer.text

        health = world.call("GET", "/health", key=key)
        assert (health.status_code, health.json["status"]) == (200, "degraded")
        assert health.json["checks"]["postgres"] == {"status": "unreachable"}
        assert world.call("GET", "/health/live", key=key).status_code == 200
        assert world.call("GET", "/metrics", key=key).status_code == 200


def test_without_redis_requests_go_through(servers: ServiceServers) -> None:
    servers.reset()
    with World.open(servers, REDIS_URL=DEAD_REDIS, CELERY_BROKER_URL=DEAD_REDIS, PAYMENT_RATE_LIMIT=1) as world:
        customer = world.customer()
        first, second = world.accept_payment(customer), world.accept_payment(customer)
        world.work()

        assert [world.payment(each["id"])["status"] for each in (first, second)] == ["succeeded", "succeeded"]
        health = world.call("GET", "/health").json
        assert (health["status"], health["checks"]["redis"]["status"]) == ("degraded", "unreachable")


@pytest.mark.parametrize("how", ["refuses", "never answers"])
def test_without_the_credits_server_health_and_figures_still_come(servers: ServiceServers, how: str) -> None:
    servers.reset()
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connections are taken, and nobody reads them
        place = "127.0.0.1:1" if how == "refuses" else f"127.0.0.1:{silent.getsockname()[1]}"
        url = f"redis://:canary-password@{place}/0"
        for cluster in (False, True):
            with World.open(servers, REDIS_CREDITS_URL=url, REDIS_CREDITS_CLUSTER=cluster) as world:
                began = time.monotonic()
                health = world.call("GET", "/health").json
                assert time.monotonic() - began < 5
                assert (health["status"], health["checks"]["credits"]) == ("degraded", {"status": "unreachable"})

                figures = world.call("GET", "/metrics").text
                assert "billing_credits_shards_away 64.0\n" in figures
                assert "billing_credits_lag_seconds" not in figures


def test_without_postgres_health_still_says_whether_the_credits_server_answers(servers: ServiceServers) -> None:
    with World.open(servers, DATABASE_URL=DEAD_POSTGRES) as world:
        checks = world.app.test_client().get("/health").json["checks"]
        assert (checks["postgres"]["status"], checks["credits"]) == ("unreachable", {"status": "ok"})
