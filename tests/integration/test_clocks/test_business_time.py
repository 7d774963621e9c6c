"""What lives in the time of a customer's clock, what lives in real time, and that nobody else pays for it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, text

from billing.business_time import business_now, business_now_of_each, in_real_time
from billing.clock import utc_now
from billing.credits.expire import expire_due
from billing.credits.follow_payment import follow_payment
from billing.credits.rebuild import rebuild_if_lost
from billing.credits.shards import Shard
from billing.credits.transfer import sweep_transfers
from billing.credits.verify import compare_with_server
from models.ids import row_id
from models.operation import Operation
from tests.service.servers import ServiceServers
from tests.service.world import World

PAST, FUTURE = "2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z"
ORDER = {"amount": 1, "operation": "render"}


@pytest.fixture(autouse=True)
def credits_are_open(world: World) -> None:
    world.open_credits()


def grant(world: World, customer: str, amount: int, until: str | None = None) -> None:
    wish = {"customer_id": customer, "amount": amount, **({"expires_at": until} if until else {})}
    answer = world.call("POST", "/credits/grants", wish)
    assert answer.status_code == 201, answer.text


@pytest.fixture
def another_process(servers: ServiceServers) -> Iterator[World]:
    """A second process of the same service, which knows nothing of what the first has learnt."""
    with World.open(servers) as opened_:
        yield opened_


def test_a_grant_in_the_past_stands_while_its_clock_does(world: World) -> None:
    customer = world.customer(test_clock=world.clock(PAST))
    grant(world, customer, 100, until="2020-02-01T00:00:00Z")

    assert expire_due(world.runtime, now=utc_now) == 0
    assert world.balance(customer) == 100
    balance = world.call("GET", f"/credits/balance?customer_id={customer}").json
    assert balance["as_of"] == "2020-01-01T00:00:00.000Z"


def test_a_grant_that_has_ended_by_the_clock_is_refused(world: World) -> None:
    customer = world.customer(test_clock=world.clock(FUTURE))
    wish = {"customer_id": customer, "amount": 1, "expires_at": "2029-12-31T00:00:00Z"}

    answer = world.call("POST", "/credits/grants", wish)

    assert (answer.status_code, answer.json["code"]) == (422, "grant_expired")


def test_a_hold_ends_by_the_clock(world: World) -> None:
    clock = world.clock(FUTURE)
    customer = world.customer(test_clock=clock)
    grant(world, customer, 100)
    held = world.call("POST", "/credits/holds", {"customer_id": customer, **ORDER, "expires_in": 3600}).json
    assert held["expires_at"] == "2030-01-01T01:00:00.000Z"

    world.advance(clock, "2030-01-01T00:59:59Z")
    assert world.balance(customer) == 99
    world.advance(clock, "2030-01-01T01:00:00Z")

    assert world.balance(customer) == 100
    late = world.call("POST", f"/credits/holds/{held['hold_id']}/capture", {})
    assert (late.status_code, late.json["code"]) == (409, "hold_ended")


def test_a_process_that_never_heard_of_the_customer_finds_out(world: World, another_process: World) -> None:
    """It looks for the account where those of nobody's clock stand, finds none, and asks."""
    customer = world.customer(test_clock=world.clock(PAST))
    grant(world, customer, 100, until="2020-02-01T00:00:00Z")

    asked = {"customer_id": customer, **ORDER}
    assert another_process.call("POST", "/credits/deduct", asked).json["balance"] == 99
    batch = {"items": [{**asked, "idempotency_key": str(number)} for number in range(3)]}
    mixed = world.customer()
    grant(world, mixed, 10)
    batch["items"].append({"customer_id": mixed, **ORDER, "idempotency_key": "mixed"})
    answers = another_process.call("POST", "/credits/deduct/batch", batch).json["data"]
    assert [answer["balance"] for answer in answers] == [98, 97, 96, 9]
    assert world.balance(customer) == 96

    server = world.runtime.credits.redis
    id_ = row_id("cus", customer)
    assert not server.exists(Shard.of(id_).account(id_))
    assert server.exists(Shard.of(id_).account_on_clock(id_))


def test_a_use_of_nobodys_clock_asks_postgres_nothing(world: World) -> None:
    on_clock, other = world.customer(test_clock=world.clock(PAST)), world.customer()
    grant(world, on_clock, 5)
    grant(world, other, 5)
    key = world.key()
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    for engine in (world.runtime.engine, world.runtime.autocommit):
        event.listen(engine, "before_cursor_execute", note)
    answer = world.call("POST", "/credits/deduct", {"customer_id": other, **ORDER}, key=key)

    assert answer.json["balance"] == 4
    assert [statement for statement in asked if "api_keys" not in statement] == []


def test_what_used_the_credits_counts_on_the_clocks_day(world: World) -> None:
    customer = world.customer(test_clock=world.clock(FUTURE))
    grant(world, customer, 100)
    world.call("POST", "/credits/deduct", {"customer_id": customer, **ORDER})

    used = world.call("GET", f"/usage?customer_id={customer}&from=2030-01-01&to=2030-01-02").json["data"]
    assert used == [{"day": "2030-01-01", "amount": 1, "count": 1}]
    history = f"/credits/history?customer_id={customer}&from=2030-01-01T00:00:00Z&to=2030-01-02T00:00:00Z"
    assert [row["type"] for row in world.call("GET", history).json["data"]] == ["deduct", "grant"]


def test_the_rebuilt_memory_has_its_clocks(world: World, another_process: World) -> None:
    clock = world.clock(PAST)
    customer = world.customer(test_clock=clock)
    grant(world, customer, 100, until="2020-02-01T00:00:00Z")
    key = {"Idempotency-Key": "once"}
    asked = {"customer_id": customer, **ORDER}
    first = world.call("POST", "/credits/deduct", asked, headers=key).json
    world.call("GET", f"/credits/history?customer_id={customer}")  # drains
    world.runtime.credits.redis.flushall()

    assert rebuild_if_lost(world.runtime, now=utc_now) is not None

    again = another_process.call("POST", "/credits/deduct", asked, headers=key, key=world.key())
    # Keys live in real time: that the clock says 2020 makes them no older.
    assert (again.headers["Idempotent-Replayed"], again.json) == ("true", first)
    assert expire_due(world.runtime, now=utc_now) == 0
    assert world.balance(customer) == 99
    assert [shard.differences for shard in compare_with_server(world.runtime, now=utc_now) if shard.differences] == []
    world.advance(clock, "2020-03-01T00:00:00Z")
    assert world.balance(customer) == 0


def test_a_transfer_between_two_times_arrives(world: World) -> None:
    sender, receiver = world.customer(test_clock=world.clock(PAST)), world.customer()
    grant(world, sender, 100)
    wish = {"from_customer_id": sender, "to_customer_id": receiver, "amount": 40}

    assert world.call("POST", "/credits/transfer", wish).status_code == 200
    assert (world.balance(sender), world.balance(receiver)) == (60, 40)
    back = {"from_customer_id": receiver, "to_customer_id": sender, "amount": 10}
    assert world.call("POST", "/credits/transfer", back).status_code == 200
    assert (world.balance(sender), world.balance(receiver)) == (70, 30)


@pytest.mark.parametrize("deleted", [False, True])
def test_a_transfer_that_was_left_is_finished_whatever_the_clock_says(
    world: World, fails_at: Any, *, deleted: bool
) -> None:
    clock = world.clock(PAST)
    sender, receiver = world.customer(test_clock=clock), world.customer()
    grant(world, sender, 100)
    fails_at("credits.transfer_held")
    world.call("POST", "/credits/transfer", {"from_customer_id": sender, "to_customer_id": receiver, "amount": 40})
    if deleted:
        world.call("DELETE", f"/test-clocks/{clock}")

    assert sweep_transfers(world.runtime, now=utc_now) == 0
    assert sweep_transfers(world.runtime, now=lambda: utc_now() + timedelta(minutes=1)) == 1
    assert world.balance(receiver) == 40


def test_a_month_of_a_feature_is_the_clocks(world: World) -> None:
    clock = world.clock("2026-01-31T23:59:59Z")
    customer = world.customer(test_clock=clock)
    path = f"/customers/{customer}/entitlements"
    assert world.call("POST", f"{path}/ai_requests/consume", {"amount": 10}).json["remaining"] == 0

    before = world.call("GET", path).json
    assert (before["period_start"], before["period_end"]) == ("2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z")
    world.advance(clock, "2026-02-01T00:00:00Z")

    after = world.call("GET", path).json
    assert after["period_start"] == "2026-02-01T00:00:00.000Z"
    assert world.call("POST", f"{path}/ai_requests/consume", {"amount": 1}).json["used"] == 1


def test_usage_is_taken_while_its_day_is_open_by_the_clock(world: World) -> None:
    customer = world.customer(test_clock=world.clock(FUTURE))
    world.call("POST", "/meters", {"code": "calls", "name": "Calls", "event_type": "call"})
    used = {"specversion": "1.0", "source": "s", "type": "call", "subject": customer}

    def report(at: str) -> Any:
        return world.call("POST", "/usage/events", {**used, "id": at, "time": at})

    assert report("2029-12-31T00:00:00Z").status_code == 200
    assert report(utc_now().isoformat()).json["code"] == "usage_too_late"
    assert report("2030-01-02T00:00:00Z").json["code"] == "usage_too_early"


def test_purchased_credits_are_valid_from_the_clocks_time_on(servers: ServiceServers) -> None:
    with World.open(servers, PURCHASED_CREDITS_VALID_DAYS=30) as lasting:
        lasting.open_credits()
        clock = lasting.clock(FUTURE)
        customer = lasting.customer(test_clock=clock)
        wish = {"customer_id": customer, "amount": 500, "payment_method": "pm_card_visa"}
        bought = lasting.call("POST", "/credits/purchase", wish).json
        lasting.work()
        follow_payment(lasting.runtime, purchase_id=row_id("cpur", bought["id"]), now=utc_now())

        grants = lasting.call("GET", f"/credits/balance?customer_id={customer}").json["grants"]
        assert [each["expires_at"] for each in grants] == ["2030-01-31T00:00:00.000Z"]
        lasting.advance(clock, "2030-01-31T00:00:00Z")
        assert lasting.balance(customer) == 0


def test_business_time_of_one_and_of_many(world: World) -> None:
    clock = world.clock(PAST)
    now = datetime(2026, 11, 25, tzinfo=UTC)
    on_clock, other = (row_id("cus", world.customer(**fields)) for fields in ({"test_clock": clock}, {}))

    with world.session() as session:
        each = business_now_of_each(session, customer_ids=[on_clock, other], now=now)
        assert each == {on_clock: datetime(2020, 1, 1, tzinfo=UTC), other: now}
        assert business_now(session, customer_id=on_clock, now=now) == each[on_clock]
        assert business_now(session, customer_id=other, now=now) == now


def test_a_scan_in_real_time_leaves_clocks_out_and_reads_no_customers(world: World) -> None:
    """The plan of a scan over many rows: their own index, and the one that lists the customers on clocks."""
    other = world.customer()
    on_clock = world.customer(test_clock=world.clock(PAST))
    for customer in (other, on_clock):
        world.accept_payment(customer)
    scan = (
        select(Operation.id)
        .where(Operation.next_attempt_at <= utc_now(), in_real_time(Operation.customer_id))
        .order_by(Operation.next_attempt_at)
        .limit(500)
    )

    with world.session() as session:
        found = session.scalars(select(Operation.customer_id).where(Operation.id.in_(scan))).all()
        assert found == [row_id("cus", other)]
        session.execute(
            text(
                "INSERT INTO customers (id, email, metadata, created_at, updated_at) SELECT gen_random_uuid(), "
                "'c' || n || '@example.com', '{}', now(), now() FROM generate_series(1, 20000) n"
            )
        )
        session.execute(
            text(
                "INSERT INTO operations (id, kind, status, customer_id, resource_type, resource_id, params, created_at) "
                "SELECT gen_random_uuid(), 'x', 'queued', id, 'x', id::text, '{}', now() FROM customers"
            )
        )
        session.execute(text("ANALYZE customers, operations"))
        sql = scan.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        plan = "\n".join(session.scalars(text(f"EXPLAIN {sql}")))
        assert "ix_operations_due" in plan
        assert "ix_customers_test_clock" in plan
        assert "Seq Scan" not in plan
        session.rollback()
