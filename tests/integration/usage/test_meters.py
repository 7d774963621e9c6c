"""Meters: what operators add, and what becomes of it."""

import pytest

from models.api_key import Role
from tests.integration.app.asking import faults, require_problem
from tests.integration.usage.stories import add_meter, event, metered, report, results
from tests.service.world import World

TERMS = {"code": "calls", "name": "Calls", "event_type": "call.made"}


def test_a_meter_is_added_and_found(world: World) -> None:
    added = add_meter(world, credits_per_unit="1/1000", rounding="half_up")

    assert (added["credits_per_unit"], added["rounding"], added["retired_at"]) == ("1/1000", "half_up", None)
    for named in (added["id"], "ai_tokens"):
        assert world.call("GET", f"/meters/{named}").json == added
    assert world.call("GET", "/meters", role=Role.SERVICE).json["data"] == [added]
    assert world.call("POST", "/meters", TERMS, role=Role.SERVICE).status_code == 403
    require_problem(world.call("GET", "/meters/nothing"), status=404, code="meter_not_found")
    actions = world.rows("SELECT action, object_id FROM audit_entries WHERE object_type = 'meter'")
    assert actions == [{"action": "meter.created", "object_id": added["id"]}]


def test_a_meter_that_costs_nothing_has_no_rounding(world: World) -> None:
    answer = world.call("POST", "/meters", {**TERMS, "rounding": "up"})

    assert (answer.json["credits_per_unit"], answer.json["rounding"], answer.json["aggregation"]) == (
        None,
        None,
        "count",
    )


@pytest.mark.parametrize(
    ("parts", "pointer"),
    [
        ({"code": "Calls"}, "/code"), ({"code": "a" * 65}, "/code"), ({"name": ""}, "/name"), ({"event_type": ""}, "/event_type"),
        ({"aggregation": "sum"}, "/aggregation"), ({"value_property": ""}, "/value_property"),
        ({"value_property": "a/b"}, "/value_property"), ({"credits_per_unit": "0"}, "/credits_per_unit"),
        ({"credits_per_unit": "1/0"}, "/credits_per_unit"), ({"credits_per_unit": "0.5"}, "/credits_per_unit"),
        ({"credits_per_unit": 1}, "/credits_per_unit"), ({"credits_per_unit": "1000000000"}, "/credits_per_unit"),
        ({"credits_per_unit": "-1"}, "/credits_per_unit"), ({"rounding": "bankers"}, "/rounding"),
        ({"retired_at": None}, "/retired_at"),
    ],
)  # fmt: skip
def test_what_is_no_meter_is_refused_with_its_place(world: World, parts: dict[str, object], pointer: str) -> None:
    problem = require_problem(world.call("POST", "/meters", {**TERMS, **parts}), status=422, code="invalid_request")

    assert {fault for fault, _ in faults(problem)} == {pointer}
    assert world.count("meters") == 0


def test_there_is_one_meter_of_a_code_and_one_in_use_for_a_type(world: World) -> None:
    assert world.call("POST", "/meters", TERMS).status_code == 201

    for parts in ({"event_type": "other"}, {"code": "other"}):
        require_problem(world.call("POST", "/meters", {**TERMS, **parts}), status=409, code="meter_exists")
    assert world.call("POST", "/meters", {**TERMS, "code": "other", "event_type": "other"}).status_code == 201


def test_a_retired_meter_counts_no_more_and_another_takes_its_events(world: World) -> None:
    old, customer = add_meter(world), world.customer()
    report(world, event(customer, 5))

    retired = world.call("DELETE", f"/meters/{old['id']}")
    assert (retired.status_code, retired.json["code"]) == (200, "ai_tokens")
    assert world.call("DELETE", "/meters/ai_tokens").json == retired.json
    assert results(world, [event(customer, 5)]) == ["usage_type_not_metered"]
    require_problem(world.call("POST", "/meters", {**TERMS, "code": "ai_tokens"}), status=409, code="meter_exists")
    add_meter(world, "ai_tokens_2", event_type="ai_tokens.used")

    assert results(world, [event(customer, 7)]) == ["accepted"]
    assert [(row["meter"], row["quantity"]) for row in metered(world)] == [("ai_tokens", "5"), ("ai_tokens_2", "7")]
    actions = [
        row["action"] for row in world.rows("SELECT action FROM audit_entries WHERE object_type = 'meter' ORDER BY id")
    ]
    assert actions == ["meter.created", "meter.retired", "meter.created"]
