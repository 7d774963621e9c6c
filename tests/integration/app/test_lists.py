"""Cursor lists: newest first, page by page, whatever is added meanwhile."""

from typing import Any

import pytest

from billing.clock import utc_now
from tests.integration.app.asking import require_problem, statements
from tests.service.world import World

LISTS = (
    "/customers",
    "/payments",
    "/webhooks/events",
    "/audit-log",
    "/events",
    "/webhook-endpoints",
    "/ledger/entries",
    "/plans",
    "/meters",
    "/usage/events",
)


def pages(world: World, path: str, *, between: Any = None) -> list[list[str]]:
    """Walk a list two by two, doing something between the pages."""
    found: list[list[str]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = world.call(
            "GET", f"{path}{'&' if '?' in path else '?'}limit=2" + (f"&cursor={cursor}" if cursor else "")
        ).json
        found.append([row["id"] for row in page["data"]])
        assert page["has_more"] == (page["next_cursor"] is not None)
        cursor = page["next_cursor"]
        if between is not None:
            between()
    return found


def test_a_list_is_walked_without_gaps_and_repeats_while_rows_are_added(world: World) -> None:
    customers = [world.customer() for _ in range(5)]

    walked = pages(world, "/customers", between=world.customer)

    assert walked == [[customers[4], customers[3]], [customers[2], customers[1]], [customers[0]]]


def test_a_page_that_holds_all_says_so(world: World) -> None:
    customers = [world.customer() for _ in range(2)]

    assert pages(world, "/customers") == [customers[::-1]]
    assert world.call("GET", "/customers?limit=100").json["next_cursor"] is None


@pytest.mark.parametrize("path", LISTS)
def test_every_list_has_its_shape_and_its_limits(world: World, path: str) -> None:
    assert set(world.call("GET", path).json) == {"data", "has_more", "next_cursor"}
    for limit in ("0", "101", "-1", "ten", "1.5", ""):
        require_problem(world.call("GET", f"{path}?limit={limit}"), status=422, code="invalid_request")
    for cursor in ("x", "cus_01h455vb4pex5vsknk084sn02q", "a" * 22 + "é", "=" * 24, "a" * 500, "AAAA"):
        require_problem(world.call("GET", f"{path}?cursor={cursor}"), status=400, code="cursor_malformed")


def test_filters_narrow_a_list(world: World) -> None:
    ada, bob = world.customer(email="ada@example.com"), world.customer(email="bob@example.com")
    of_ada = [world.accept_payment(ada)["id"] for _ in range(3)]
    of_bob = world.accept_payment(bob, card=None)["id"]
    world.work()

    assert pages(world, "/customers?email=ada@example.com") == [[ada]]
    assert pages(world, f"/payments?customer_id={ada}") == [of_ada[:0:-1], of_ada[:1]]
    assert pages(world, "/payments?status=requires_payment_method") == [[of_bob]]
    assert pages(world, f"/payments?status=succeeded&customer_id={bob}") == [[]]
    require_problem(world.call("GET", "/payments?customer_id=cus_x"), status=404, code="customer_not_found")

    created = world.call("GET", f"/audit-log?object={of_bob}&action=payment.created").json["data"]
    assert [entry["object_id"] for entry in created] == [of_bob]
    assert world.call("GET", "/audit-log?actor=nobody").json["data"] == []


def test_events_are_found_by_type_status_and_time(world: World) -> None:
    world.pay(world.customer())
    world.deliver(*world.events())
    stored = world.count("inbox_events")
    world.work()

    listed = world.call("GET", "/webhooks/events?type=payment_intent.succeeded").json["data"]
    assert [event["type"] for event in listed] == ["payment_intent.succeeded"]
    assert "payload" not in listed[0]
    assert "payload" in world.call("GET", f"/webhooks/events/{listed[0]['id']}").json
    received_at = listed[0]["received_at"]
    assert world.call("GET", "/webhooks/events?status=dead").json["data"] == []
    assert (
        world.call("GET", f"/webhooks/events?to={received_at[:19]}.000Z&from=2000-01-01T00:00:00Z").status_code == 200
    )
    assert len(world.call("GET", "/webhooks/events?from=2000-01-01&limit=100").json["data"]) == stored
    assert world.call("GET", "/webhooks/events?to=2000-01-01").json["data"] == []


@pytest.mark.parametrize("path", LISTS)
def test_a_longer_page_asks_the_database_no_more_often(world: World, path: str) -> None:
    customer = world.customer()
    payments = [world.pay(customer) for _ in range(3)]
    for payment in payments:
        world.call("POST", "/payments/refund", {"payment_id": payment["id"], "amount": 1})
    world.work()
    world.deliver(*world.events())
    world.customer()
    for number in range(2):
        world.call("POST", "/webhook-endpoints", {"url": f"https://shop.example/{number}"})

    for number in range(2):
        meter = {"code": f"calls_{number}", "name": "Calls", "event_type": f"call.{number}", "credits_per_unit": "1"}
        assert world.call("POST", "/meters", meter).status_code == 201
        used = {"specversion": "1.0", "id": "1", "source": f"{number}", "type": f"call.{number}", "subject": customer}
        assert world.call("POST", "/usage/events", {**used, "time": utc_now().isoformat()}).status_code == 200

    asked = []
    for limit in (1, 100):
        with statements(world) as sent:
            page = world.call("GET", f"{path}?limit={limit}").json
        asked.append(len(sent))

    assert len(page["data"]) > 1
    assert asked[0] == asked[1]


def test_the_payments_of_a_list_have_their_own_refunds(world: World) -> None:
    first, second = world.pay(world.customer()), world.pay(world.customer())
    for amount in (1, 2):
        world.call("POST", "/payments/refund", {"payment_id": first["id"], "amount": amount})
        world.work()

    listed = {payment["id"]: payment for payment in world.call("GET", "/payments").json["data"]}
    assert [refund["amount"] for refund in listed[first["id"]]["refunds"]] == [1, 2]
    assert listed[second["id"]]["refunds"] == []
    assert listed[first["id"]] == world.payment(first["id"])
