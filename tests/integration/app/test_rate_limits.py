"""The limits of the API, counted in Redis."""

import re

from tests.integration.app.asking import require_problem
from tests.service.servers import ServiceServers
from tests.service.world import World, signed_body


def test_the_default_is_ten_payment_requests_a_minute_for_each_customer_and_caller(servers: ServiceServers) -> None:
    servers.reset()
    with World.open(servers, PAYMENT_RATE_LIMIT=10) as world:
        ada, bob = world.customer(), world.customer()
        first = {"Idempotency-Key": "the-first"}
        body = {"customer_id": ada, "amount": 100, "currency": "USD"}
        left = []
        for number in range(10):
            answer = world.call("POST", "/payments/intent", body, headers=None if number else first)
            assert answer.status_code == 202
            assert answer.headers["RateLimit-Policy"] == '"payments";q=10;w=60'
            left.append(re.fullmatch(r'"payments";r=(\d+);t=\d+', answer.headers["RateLimit"]))
        assert [match and match[1] for match in left] == [str(10 - taken) for taken in range(1, 11)]

        refused = world.call("POST", "/payments/intent", body, headers={"Idempotency-Key": "the-eleventh"})
        require_problem(refused, status=429, code="rate_limited")
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.headers["RateLimit"].startswith('"payments";r=0;t=')
        assert world.rows("SELECT 1 FROM idempotency_keys WHERE key = 'the-eleventh'") == []
        assert world.count("payments") == 10

        # An answer that was given already moves no money, and counts for nothing.
        assert world.call("POST", "/payments/intent", body, headers=first).headers["Idempotent-Replayed"] == "true"
        assert world.call("POST", "/payments/intent", {**body, "customer_id": bob}).status_code == 202
        assert world.call("GET", "/payments").status_code == 200


def test_deliveries_of_one_source_are_limited_by_the_second(servers: ServiceServers) -> None:
    servers.reset()
    with World.open(servers, WEBHOOK_RATE_LIMIT=2) as world:
        body = signed_body({"id": "evt_1", "type": "x.y", "livemode": False, "data": {"object": {}}})
        answers = [world.deliver_raw(body) for _ in range(8)]

        assert answers[0].status_code == 200
        refused = [answer for answer in answers if answer.status_code != 200]
        assert refused
        for answer in refused:
            require_problem(answer, status=429, code="rate_limited")
            assert answer.headers["Retry-After"] == "1"
        assert world.count("inbox_events") == 1
