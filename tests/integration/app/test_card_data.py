"""A card number in a body is refused, and nothing of it is kept: no row, no log line, no key in Redis."""

import json

import redis

from tests.integration.app.asking import require_problem, rows_of_all_tables
from tests.integration.app.conftest import Lines
from tests.service.world import World, signed_body

CARD = "4242424242424242"
SPACED = "4242 4242 4242 4242"
ESCAPED = "".join(f"\\u003{digit}" for digit in CARD)
EMAIL = '"email": "ada@example.com"'
BODIES = (
    f'{{{EMAIL}, "name": "{CARD}"}}',
    f'{{{EMAIL}, "name": "card {SPACED}, exp 12/30"}}',
    f'{{{EMAIL}, "name": "{CARD} 123"}}',
    f'{{{EMAIL}, "name": {CARD}}}',
    f'{{{EMAIL}, "name": "{ESCAPED}"}}',
    f'{{{EMAIL}, "{CARD}": 1}}',
    f'{{{EMAIL}, "metadata": {{"card": "{SPACED.replace(" ", "-")}"}}}}',
    f'{{{EMAIL}, "metadata": {{"{CARD}": "x"}}}}',
    f'{{{EMAIL}, "address": {{"line1": ["{CARD}"]}}}}',
    f'{{"email": "{CARD}@example.com"}}',
    f'{{{EMAIL}, "name": "{CARD}"',
)


def test_wherever_it_stands_nothing_of_it_is_kept(world: World, log_lines: Lines) -> None:
    customer = world.customer()
    before = rows_of_all_tables(world)
    log_lines()
    for method, path in (("POST", "/customers"), ("PUT", f"/customers/{customer}"), ("POST", "/payments/intent")):
        for body in BODIES:
            answer = world.call(method, path, data=body, headers={"Content-Type": "application/json"})
            problem = require_problem(answer, status=400, code="card_data_rejected")
            assert "pm_" in problem["detail"]
            assert not any(number in answer.text for number in (CARD, SPACED, ESCAPED))

    logged = json.dumps(log_lines())
    assert logged.count("request.answered") == 3 * len(BODIES)
    assert not any(number in logged for number in (CARD, SPACED, CARD[4:]))
    assert rows_of_all_tables(world) == before
    with redis.Redis.from_url(world.settings.REDIS_URL.get_secret_value(), decode_responses=True) as client:
        assert not any(CARD in key for key in client.scan_iter())


def test_who_may_not_call_learns_nothing_of_the_rule(world: World) -> None:
    answer = world.app.test_client().post("/customers", json={"name": CARD})

    require_problem(answer, status=401, code="key_refused")


def test_timestamps_and_ids_are_stored(world: World) -> None:
    metadata = {
        "at": "1732262400000",
        "order": "ord_4242424242424242",
        "phone": "+49 30 901820",
        "n": "4242424242424241",
    }

    assert world.call("GET", f"/customers/{world.customer(metadata=metadata)}").json["metadata"] == metadata


def test_the_gateways_own_events_are_exempt(world: World) -> None:
    event = {"id": "evt_1", "type": "x.y", "livemode": False, "data": {"object": {"note": CARD}}}

    assert world.deliver_raw(signed_body(event)).status_code == 200
    assert world.count("inbox_events") == 1
