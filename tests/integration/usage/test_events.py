"""Events in: each once, on its own day, and each for itself."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from billing.clock import utc_now
from billing.customers.find import CustomerNotFound
from billing.hints import Hint
from billing.usage.report import Outcome, Reported, report_usage
from models.ids import row_id
from tests.integration.app.asking import faults, require_problem, statements
from tests.integration.usage.stories import (
    add_meter,
    days_ago,
    event,
    metered,
    report,
    require_whole,
    results,
)
from tests.service.world import World

NOBODY = "cus_01h455vb4pex5vsknk084sn02q"


@pytest.fixture
def customer(world: World) -> str:
    add_meter(world)
    return world.customer()


def test_an_event_counts_on_its_day(world: World, customer: str) -> None:
    answer = report(world, event(customer, 350))

    assert (answer.status_code, answer.json["data"][0]["status"]) == (200, "accepted")
    today = utc_now().date().isoformat()
    assert metered(world) == [{"meter": "ai_tokens", "day": today, "quantity": "350", "count": 1}]
    (shown,) = world.call("GET", f"/usage/events?customer_id={customer}").json["data"]
    assert shown["id"] == answer.json["data"][0]["id"]
    assert (shown["meter"], shown["quantity"], shown["charge"], shown["project"]) == ("ai_tokens", "350", None, None)
    assert Hint.USAGE not in world.hints  # it costs nothing
    require_whole(world)


def test_the_same_event_counts_once_however_often_it_comes(world: World, customer: str) -> None:
    sent = event(customer, 350)
    first = report(world, sent).json["data"][0]

    again = report(world, sent).json["data"][0]

    assert again == {"id": first["id"], "status": "duplicate"}
    assert results(world, [sent, event(customer, 1), sent]) == ["duplicate", "accepted", "duplicate"]
    assert [row["quantity"] for row in metered(world)] == ["351"]


def test_twins_in_one_batch_count_once(world: World, customer: str) -> None:
    sent, other = event(customer, 5), event(customer, 7)

    assert results(world, [sent, other, sent, {**sent, "data": {"tokens": 6}}]) == [
        "accepted",
        "accepted",
        "duplicate",
        "usage_event_conflict",
    ]
    assert [row["quantity"] for row in metered(world)] == ["12"]


def test_the_same_id_of_another_source_is_another_event(world: World, customer: str) -> None:
    sent = event(customer)

    assert results(world, [sent, {**sent, "source": "urn:other"}]) == ["accepted", "accepted"]


def test_a_repeat_that_would_count_differently_is_told_apart(world: World, customer: str) -> None:
    add_meter(world, "calls", sums=None)
    sent = event(customer, 5)
    report(world, sent)

    different: list[dict[str, Any]] = [
        {"data": {"tokens": 6}},
        {"data": {"tokens": 5, "projectId": "p1"}},
        {"subject": world.customer()},
        {"type": "calls.used"},
        {"time": (utc_now() - timedelta(minutes=1)).isoformat()},
    ]
    for parts in different:
        require_problem(report(world, {**sent, **parts}), status=409, code="usage_event_conflict")
    alike: list[dict[str, Any]] = [
        {"data": {"tokens": "5.000", "note": "not counted"}},
        {"traceparent": "00-1"},
        {"time": sent["time"].replace("+00:00", "Z")},
    ]
    for parts in alike:
        assert report(world, {**sent, **parts}).json["data"][0]["status"] == "duplicate"
    assert [row["quantity"] for row in metered(world)] == ["5"]


def test_a_late_event_counts_on_its_own_day(world: World, customer: str) -> None:
    late, window = days_ago(2), timedelta(hours=world.settings.USAGE_LATE_HOURS)

    sent = [
        event(customer, 1, at=late),
        event(customer, 2),
        event(customer, 3, at=utc_now() - window + timedelta(minutes=1)),
        event(customer, 4, at=utc_now() - window - timedelta(minutes=1)),
        event(customer, 5, at=utc_now() + timedelta(minutes=4)),
        event(customer, 6, at=utc_now() + timedelta(minutes=6)),
        event(customer, 7, time="0001-01-01T00:00:00+14:00"),
        event(customer, 8, time="9999-12-31T23:59:59-12:00"),
    ]
    assert results(world, sent) == [
        "accepted", "accepted", "accepted", "usage_too_late", "accepted", "usage_too_early", "usage_too_late",
        "usage_too_early",
    ]  # fmt: skip

    days: Counter[str] = Counter()
    for place, quantity in ((0, 1), (1, 2), (2, 3), (4, 5)):
        days[sent[place]["time"][:10]] += quantity
    assert {row["day"]: int(row["quantity"]) for row in metered(world)} == days
    require_whole(world)


def test_the_day_is_that_of_utc(world: World, customer: str) -> None:
    midnight = utc_now().replace(hour=0, minute=0, second=0, microsecond=0)

    report(world, [event(customer, 1, at=midnight - timedelta(microseconds=1)), event(customer, 2, at=midnight)])
    report(world, event(customer, 4, time=f"{midnight.date().isoformat()}T01:30:00+02:00"))

    assert [(row["day"], row["quantity"]) for row in metered(world)] == [
        (midnight.date().isoformat(), "2"),
        ((midnight - timedelta(days=1)).date().isoformat(), "5"),
    ]


def test_what_was_taken_in_time_is_known_when_its_day_is_closed(world: World, customer: str) -> None:
    sent = event(customer, 1, at=days_ago(2))
    report(world, sent)

    with World.open(world.servers, USAGE_LATE_HOURS=1) as later:
        assert results(later, [sent, event(customer, 1, at=days_ago(2))]) == ["duplicate", "usage_too_late"]


def test_an_array_has_a_result_for_each_event_in_order(world: World, customer: str) -> None:
    sent: list[Any] = [
        event(customer, 1),
        event(NOBODY),
        event("nobody"),
        event(customer, type="unheard.of"),
        event(customer, tokens="many"),
        event(customer, data=None),
        event(customer, specversion="0.3"),
        event(customer, time=None),
        event(customer, time="yesterday"),
        event(customer, time=0),
        event(customer, id=""),
        event(customer, Subject="x"),
        event(customer, data_base64="AA=="),
        5,
        None,
        [],
        event(customer, 2),
    ]
    answer = report(world, sent)

    assert answer.status_code == 200
    found = [result.get("status") or result["error"]["code"] for result in answer.json["data"]]
    assert found == [
        "accepted", "customer_not_found", "customer_not_found", "usage_type_not_metered", "usage_value_invalid",
        "usage_value_invalid", *["invalid_request"] * 10, "accepted",
    ]  # fmt: skip
    pointers = {
        fault["pointer"] for result in answer.json["data"] for fault in result.get("error", {}).get("errors", ())
    }
    assert pointers == {
        "/1/subject", "/2/subject", "/3/type", "/4/data/tokens", "/5/data/tokens", "/6/specversion", "/7/time", "/8/time",
        "/9/time", "/10/id", "/11/Subject", "/12/data_base64", "/13", "/14", "/15",
    }  # fmt: skip
    assert [row["quantity"] for row in metered(world)] == ["3"]


def test_one_event_that_is_refused_is_a_problem(world: World, customer: str) -> None:
    require_problem(report(world, event(NOBODY)), status=404, code="customer_not_found")
    require_problem(report(world, event(customer, at=days_ago(9))), status=422, code="usage_too_late")
    problem = require_problem(report(world, event(customer, tokens=-1)), status=422, code="usage_value_invalid")
    assert faults(problem) == {("/data/tokens", "value_invalid")}
    problem = require_problem(report(world, event(customer, time=None, id=5)), status=422, code="invalid_request")
    assert faults(problem) == {("/time", "missing"), ("/id", "string_type")}
    require_problem(report(world, {}), status=422, code="invalid_request")
    assert world.count("usage_events") == 0


def test_a_batch_has_limits(world: World, customer: str) -> None:
    assert results(world, []) == []
    one = event(customer)
    require_problem(report(world, [one] * 1_001), status=422, code="invalid_request")
    assert world.count("usage_events") == 0


def test_a_thousand_events_are_written_in_a_few_statements(world: World) -> None:
    add_meter(world, credits_per_unit="1/100", rounding="down")
    customers = [world.customer() for _ in range(10)]
    sent = [event(customers[number % 10], number) for number in range(1_000)]

    with statements(world) as asked:
        assert set(results(world, sent)) == {"accepted"}

    assert len([statement for statement in asked if "usage" in statement or "meters" in statement]) <= 5
    assert sum(int(row["quantity"]) for row in metered(world)) == sum(range(1_000))
    assert set(results(world, sent)) == {"duplicate"}
    require_whole(world)


def test_media_types_of_cloud_events(world: World, customer: str) -> None:
    one, many = "application/cloudevents+json", "application/cloudevents-batch+json"

    assert report(world, event(customer), headers={"Content-Type": f"{one}; charset=utf-8"}).status_code == 200
    assert report(world, [event(customer)], headers={"Content-Type": many}).status_code == 200
    for kind, body in ((one, [event(customer)]), (many, event(customer))):
        refused = report(world, body, headers={"Content-Type": kind})
        require_problem(refused, status=400, code="body_malformed")
    refused = report(world, event(customer), headers={"Content-Type": "application/xml"})
    require_problem(refused, status=415, code="unsupported_media_type")
    require_problem(world.call("POST", "/meters", [1]), status=400, code="body_malformed")


def test_amounts_are_exact(world: World, customer: str) -> None:
    texts = ("0.1", "0.2", "1e-9", "12345678901.000000001")
    for number, text in enumerate(texts):
        body = f'{{"specversion": "1.0", "id": "{number}", "source": "x", "type": "ai_tokens.used", "subject": "{customer}",'
        body += f'"time": "{utc_now().isoformat()}", "data": {{"tokens": {text}}}}}'
        answer = world.call("POST", "/usage/events", data=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 200, answer.text

    assert [row["quantity"] for row in metered(world)] == ["12345678901.300000002"]


@pytest.mark.parametrize(
    "number", ["1e999999999", "-1e999999999", "1e-999999999", "1" * 4000, "0e999999999", "1.0" + "0" * 50_000]
)
def test_no_number_is_a_500(world: World, customer: str, number: str) -> None:
    body = f'{{"specversion": "1.0", "id": "1", "source": "x", "type": "ai_tokens.used", "subject": "{customer}",'
    body += f'"time": "{utc_now().isoformat()}", "data": {{"tokens": {number}}}}}'

    answer = world.call("POST", "/usage/events", data=body, headers={"Content-Type": "application/json"})

    assert answer.status_code in {200, 422}, answer.text


def test_what_else_an_event_says_is_not_kept(world: World, customer: str) -> None:
    report(world, event(customer, data={"tokens": 1, "prompt": "my secret", "projectId": "p1"}))

    (row,) = world.rows("SELECT to_jsonb(e)::text AS text FROM usage_events e")
    assert "secret" not in row["text"]
    assert world.call("GET", "/usage/events").json["data"][0]["project"] == "p1"


def test_a_customers_token_sees_its_own_usage_and_reports_none(world: World, customer: str) -> None:
    other = world.customer()
    report(world, [event(customer, 1), event(other, 2)])
    token = world.call("POST", f"/customers/{customer}/tokens", {}).json["token"]

    assert [row["quantity"] for row in world.call("GET", "/usage/meters", key=token).json["data"]] == ["1"]
    own = world.call("GET", "/usage/events", key=token).json["data"]
    assert {row["customer_id"] for row in own} == {customer}
    for path in ("/usage/meters", "/usage/events"):
        assert world.call("GET", f"{path}?customer_id={other}", key=token).status_code == 404
    require_problem(report(world, event(customer), key=token), status=403, code="scope_missing")


def test_who_acts_for_one_customer_reports_for_no_other(world: World, customer: str) -> None:
    """The rule below the scopes: no token has the scope today."""
    other = world.customer()
    sent = [
        Reported("x", subject, "ai_tokens.used", subject, utc_now(), {"tokens": 1}) for subject in (customer, other)
    ]
    with world.session() as session:
        own, foreign = report_usage(
            session, sent, own=row_id("cus", customer), actor=customer, late_max=timedelta(hours=1), now=utc_now()
        )

    assert isinstance(own, Outcome)
    assert isinstance(foreign, CustomerNotFound)
    assert [row["quantity"] for row in metered(world)] == ["1"]


def test_events_are_found_by_what_their_sender_calls_them(world: World, customer: str) -> None:
    sent = [event(customer) for _ in range(3)]
    report(world, sent)

    (found,) = world.call("GET", f"/usage/events?event_id={sent[1]['id']}").json["data"]
    assert (found["event_id"], found["source"]) == (sent[1]["id"], sent[1]["source"])
    newest = world.call("GET", "/usage/events?limit=2").json
    assert [row["event_id"] for row in newest["data"]] == [sent[2]["id"], sent[1]["id"]]
    rest = world.call("GET", f"/usage/events?cursor={newest['next_cursor']}").json
    assert [row["event_id"] for row in rest["data"]] == [sent[0]["id"]]


def test_usage_is_grouped_and_filtered(world: World, customer: str) -> None:
    add_meter(world, "calls", sums=None)
    other, before = world.customer(), days_ago(1)
    report(
        world, [event(customer, 1), event(customer, 2, at=before), event(other, 4), event(customer, type="calls.used")]
    )

    today = utc_now().date().isoformat()
    assert metered(world, f"customer_id={customer}&group_by=meter") == [
        {"meter": "ai_tokens", "quantity": "3", "count": 2},
        {"meter": "calls", "quantity": "1", "count": 1},
    ]
    assert [row["quantity"] for row in metered(world, "meter=ai_tokens")] == ["5", "2"]
    assert [row["quantity"] for row in metered(world, f"from={today}")] == ["5", "1"]
    assert [row["quantity"] for row in metered(world, f"to={today}")] == ["2"]
    assert world.call("GET", "/usage/meters?meter=nothing").status_code == 404
    assert world.call("GET", f"/usage/meters?customer_id={NOBODY}").status_code == 404
