"""Test clocks over the API: what may be asked of them, by whom, and what becomes of their customers."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from models.ids import row_id
from tests.concurrency.crowd import at_once
from tests.service.servers import ServiceServers
from tests.service.world import World

AT = "2026-01-31T00:00:00.000Z"


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def test_a_clock_stands_where_it_was_set(world: World) -> None:
    made = world.call("POST", "/test-clocks", {"frozen_time": "2026-01-31T01:00:00+01:00", "name": "January"})

    assert made.status_code == 201
    assert made.json["id"].startswith("clock_")
    assert made.headers["Location"] == f"/test-clocks/{made.json['id']}"
    assert (made.json["frozen_time"], made.json["name"], made.json["status"], made.json["progress"]) == (
        AT, "January", "ready", None,
    )  # fmt: skip
    assert world.call("GET", f"/test-clocks/{made.json['id']}").json == made.json
    assert world.call("GET", "/test-clocks").json["data"] == [made.json]


@pytest.mark.parametrize("at", ["1999-12-31T23:59:59Z", "3000-01-01T00:00:00Z"])
def test_other_times_are_refused(world: World, at: str) -> None:
    assert code(world.call("POST", "/test-clocks", {"frozen_time": at})) == (422, "test_clock_time_out_of_range")


def test_a_clock_needs_a_time(world: World) -> None:
    assert code(world.call("POST", "/test-clocks", {"name": "x"})) == (422, "invalid_request")


def test_a_customer_is_on_a_clock_for_ever(world: World) -> None:
    clock = world.clock()
    customer = world.customer(test_clock=clock)
    other = world.customer()

    assert world.call("GET", f"/customers/{customer}").json["test_clock"] == clock
    assert world.call("GET", f"/customers/{other}").json["test_clock"] is None
    assert world.call("PUT", f"/customers/{other}", {"test_clock": clock}).status_code == 422
    listed = world.call("GET", f"/customers?test_clock={clock}").json["data"]
    assert [each["id"] for each in listed] == [customer]
    assert len(world.call("GET", "/customers").json["data"]) == 2


def test_a_customer_takes_no_clock_that_is_not_there(world: World) -> None:
    wish = {"email": "ada@example.com", "test_clock": "clock_01h455vb4pex5vsknk084sn02q"}

    assert code(world.call("POST", "/customers", wish)) == (404, "test_clock_not_found")
    assert code(world.call("POST", "/customers", {**wish, "test_clock": "noon"})) == (404, "test_clock_not_found")
    assert code(world.call("GET", "/customers?test_clock=noon")) == (404, "test_clock_not_found")


def test_an_advance_is_an_operation_with_progress(world: World) -> None:
    clock = world.clock(AT)
    accepted = world.call("POST", f"/test-clocks/{clock}/advance", {"frozen_time": "2026-03-01T00:00:00Z"})
    way = {"from": AT, "to": "2026-03-01T00:00:00.000Z", "at": AT}

    assert accepted.status_code == 202
    assert (accepted.json["status"], accepted.json["progress"]) == ("advancing", way)
    assert world.call("GET", f"/test-clocks/{clock}").json["progress"] == way
    operation = world.operation(accepted.json)
    assert (operation["kind"], operation["status"], operation["progress"]) == ("test_clocks.advance", "queued", way)
    assert operation["resource"] == {"type": "test_clock", "id": clock}

    world.work()

    operation = world.operation(accepted.json)
    assert (operation["status"], operation["progress"]) == ("succeeded", {**way, "at": way["to"]})
    shown = world.call("GET", f"/test-clocks/{clock}").json
    assert (shown["frozen_time"], shown["status"], shown["progress"]) == (way["to"], "ready", None)


def test_who_waits_gets_the_clock_as_it_is_then(world: World) -> None:
    clock = world.clock(AT)
    headers = {"Idempotency-Key": "march"}
    body = {"frozen_time": "2026-03-01T00:00:00Z"}
    world.call("POST", f"/test-clocks/{clock}/advance", body, headers=headers)
    world.work()

    answer = world.call("POST", f"/test-clocks/{clock}/advance", body, headers={**headers, "Prefer": "wait=5"})

    assert answer.status_code == 200
    assert (answer.json["frozen_time"], answer.json["status"]) == ("2026-03-01T00:00:00.000Z", "ready")


@pytest.mark.parametrize(
    ("to", "refusal"),
    [
        ("2026-01-30T23:59:59Z", "test_clock_not_forward"),
        (AT, "test_clock_not_forward"),
        ("2028-02-02T00:00:00Z", "test_clock_too_far"),
        ("1990-01-01T00:00:00Z", "test_clock_time_out_of_range"),
    ],
)
def test_a_clock_goes_forward_and_not_too_far(world: World, to: str, refusal: str) -> None:
    clock = world.clock(AT)

    assert code(world.call("POST", f"/test-clocks/{clock}/advance", {"frozen_time": to})) == (422, refusal)
    assert world.call("GET", f"/test-clocks/{clock}").json["status"] == "ready"
    assert world.count("operations") == 0


def test_a_clock_that_advances_takes_no_other_advance(world: World) -> None:
    clock, other = world.clock(AT), world.clock(AT)
    body = {"frozen_time": "2026-03-01T00:00:00Z"}
    world.call("POST", f"/test-clocks/{clock}/advance", body)

    assert code(world.call("POST", f"/test-clocks/{clock}/advance", body)) == (409, "test_clock_advancing")
    assert world.call("POST", f"/test-clocks/{other}/advance", body).status_code == 202


def test_of_many_advances_at_once_one_begins(world: World) -> None:
    clock = world.clock(AT)
    world.key()

    def ask(day: int) -> int:
        body = {"frozen_time": f"2026-03-{day + 1:02d}T00:00:00Z"}
        return world.call("POST", f"/test-clocks/{clock}/advance", body).status_code

    assert sorted(at_once(8, ask)) == [202] + [409] * 7
    assert world.count("operations") == 1


def test_the_database_refuses_a_second_advance_that_nobody_checked(world: World) -> None:
    """NULLS NOT DISTINCT: an operation of nobody is one, too."""
    clock = world.clock(AT)
    world.call("POST", f"/test-clocks/{clock}/advance", {"frozen_time": "2026-03-01T00:00:00Z"})
    again = text(
        "INSERT INTO operations (id, kind, status, resource_type, resource_id, params, created_at) "
        "SELECT gen_random_uuid(), kind, status, resource_type, resource_id, params, created_at FROM operations"
    )

    with pytest.raises(Exception, match="uq_operations_open_resource"), world.session() as session:
        session.execute(again)


def test_a_deleted_clock_takes_its_customers_along(world: World) -> None:
    world.open_credits()
    clock = world.clock(AT)
    customer, other = world.customer(test_clock=clock), world.customer()
    assert world.call("POST", "/credits/grants", {"customer_id": customer, "amount": 10}).status_code == 201
    world.balance(customer)

    deleted = world.call("DELETE", f"/test-clocks/{clock}")

    assert (deleted.status_code, deleted.json["status"]) == (200, "deleted")
    assert code(world.call("GET", f"/test-clocks/{clock}")) == (404, "test_clock_not_found")
    assert code(world.call("DELETE", f"/test-clocks/{clock}")) == (404, "test_clock_not_found")
    assert world.call("GET", "/test-clocks").json["data"] == []
    assert [each["id"] for each in world.call("GET", "/customers").json["data"]] == [other]
    used = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "subject": customer, "time": AT}
    for asked in (
        world.call("GET", f"/customers/{customer}"),
        world.call("PUT", f"/customers/{customer}", {"name": "Ada"}),
        world.call("GET", f"/credits/balance?customer_id={customer}"),
        world.call("GET", f"/credits/history?customer_id={customer}"),
        world.call("POST", "/credits/deduct", {"customer_id": customer, "amount": 1, "operation": "x"}),
        world.call("POST", "/credits/grants", {"customer_id": customer, "amount": 1}),
        world.call("POST", "/payments/intent", {"customer_id": customer, "amount": 100, "currency": "USD"}),
        world.call("GET", f"/customers/{customer}/entitlements"),
        world.call("POST", "/usage/events", used),
    ):
        assert code(asked)[0] == 404 or asked.json["code"] == "customer_not_found", asked.text
    assert world.count("ledger_entries") == 1
    assert world.count("credit_transactions") == 1


def test_an_advance_of_a_clock_that_is_deleted_fails(world: World) -> None:
    clock = world.clock(AT)
    accepted = world.call("POST", f"/test-clocks/{clock}/advance", {"frozen_time": "2026-03-01T00:00:00Z"}).json
    world.call("DELETE", f"/test-clocks/{clock}")
    world.work()

    operation = world.operation(accepted)
    assert (operation["status"], operation["error"]["code"]) == ("failed", "test_clock_deleted")
    assert world.rows("SELECT status FROM test_clocks") == [{"status": "deleted"}]


def test_a_customers_token_knows_no_clocks(world: World) -> None:
    clock = world.clock(AT)
    customer = world.customer(test_clock=clock)
    token = world.call("POST", f"/customers/{customer}/tokens", {}).json["token"]
    accepted = world.call("POST", f"/test-clocks/{clock}/advance", {"frozen_time": "2026-03-01T00:00:00Z"}).json

    assert world.call("GET", f"/test-clocks/{clock}", key=token).status_code == 403
    assert world.call("GET", f"/operations/{accepted['operation']['id']}", key=token).status_code == 404
    assert world.call("GET", f"/customers/{customer}", key=token).json["test_clock"] == clock


def test_what_happens_to_a_clock_is_told_and_written_down(world: World) -> None:
    clock = world.clock(AT)
    world.advance(clock, "2026-03-01T00:00:00Z")
    world.call("DELETE", f"/test-clocks/{clock}")

    told = world.rows("SELECT type, object_id, customer_id FROM outbox_events ORDER BY id")
    assert [row["type"] for row in told] == [
        f"test_clock.{what}" for what in ("created", "advancing", "ready", "deleted")
    ]
    assert {(row["object_id"], row["customer_id"]) for row in told} == {(clock, None)}
    audited = world.rows("SELECT action FROM audit_entries WHERE object_type = 'test_clock' ORDER BY id")
    assert [row["action"] for row in audited] == [row["type"] for row in told]


@pytest.fixture
def live(servers: ServiceServers) -> Iterator[World]:
    servers.reset()
    with World.open(servers, STRIPE_SECRET_KEY="sk_live_0123456789", STRIPE_PUBLISHABLE_KEY="pk_live_0") as opened:
        yield opened


def test_there_are_no_clocks_where_real_money_moves(live: World) -> None:
    clock = "clock_01h455vb4pex5vsknk084sn02q"
    for asked in (
        live.call("POST", "/test-clocks", {"frozen_time": AT}),
        live.call("GET", "/test-clocks"),
        live.call("GET", f"/test-clocks/{clock}"),
        live.call("POST", f"/test-clocks/{clock}/advance", {"frozen_time": AT}),
        live.call("DELETE", f"/test-clocks/{clock}"),
        live.call("POST", "/customers", {"email": "ada@example.com", "test_clock": clock}),
    ):
        assert code(asked) == (403, "test_clocks_only_in_test_mode")
        assert "no test clocks in live mode" in asked.json["detail"]
    assert live.count("test_clocks") == live.count("customers") == 0
    assert live.call("POST", "/customers", {"email": "ada@example.com"}).status_code == 201


def test_the_id_of_a_clock_is_its_rows(world: World) -> None:
    clock = world.clock(AT)

    (row,) = world.rows("SELECT id, frozen_time FROM test_clocks")
    assert row == {"id": row_id("clock", clock), "frozen_time": datetime(2026, 1, 31, tzinfo=UTC)}
