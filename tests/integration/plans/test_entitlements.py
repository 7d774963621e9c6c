"""What a customer may use, what is used, and using it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from billing.entitlements.consume import EntitlementExceeded, consume
from billing.entitlements.find import entitlements_of
from models.api_key import Role
from models.ids import row_id
from models.plan import LIMIT_VALUE_MAX
from tests.integration.app.asking import faults, require_problem, statements
from tests.integration.plans.conftest import Change
from tests.service.world import World

MB = 10**6
UNLIMITED_AI = (
    "UPDATE plan_features SET limit_value = NULL, unlimited = true FROM plan_versions v JOIN plans ON plans.id = v.plan_id "
    "WHERE v.id = version_id AND code = 'free' AND feature = 'ai_requests'"
)


def use(world: World, customer: str, feature: str, amount: int | None = None, **sent: Any) -> Any:
    body = {} if amount is None else {"amount": amount}
    return world.call("POST", f"/customers/{customer}/entitlements/{feature}/consume", body, **sent)


def seen(world: World, customer: str, feature: str) -> dict[str, Any]:
    rows = world.call("GET", f"/customers/{customer}/entitlements").json["data"]
    found: dict[str, Any] = next(row for row in rows if row["feature"] == feature)
    return found


def test_a_new_customer_has_the_features_of_free(world: World) -> None:
    customer = world.customer()

    answer = world.call("GET", f"/customers/{customer}/entitlements").json

    assert (answer["customer_id"], answer["plan"]) == (customer, "free")
    assert answer["period_start"].endswith("-01T00:00:00.000Z")
    assert answer["period_end"].endswith("-01T00:00:00.000Z")
    limits = {
        "projects": ("level", 1),
        "users": ("level", 1),
        "ai_requests": ("counted", 10),
        "storage": ("size", 100 * MB),
    }
    assert answer["data"] == [
        {"feature": name, "kind": kind, "limit": limit, "unlimited": False, "used": 0, "remaining": limit, "value": None}
        for name, (kind, limit) in limits.items()
    ] + [
        {"feature": "support", "kind": "text", "limit": None, "unlimited": False, "used": None, "remaining": None,
         "value": "community"}
    ]  # fmt: skip


def test_a_use_is_answered_with_the_row_after_it(world: World) -> None:
    customer = world.customer()

    first, second = use(world, customer, "ai_requests"), use(world, customer, "ai_requests", 4)

    assert (first.json["used"], first.json["remaining"]) == (1, 9)
    assert (second.status_code, second.json["used"], second.json["remaining"]) == (200, 5, 5)
    assert second.json == seen(world, customer, "ai_requests")
    assert seen(world, world.customer(), "ai_requests")["used"] == 0


def test_the_last_unit_is_given_and_the_next_is_a_402(world: World) -> None:
    customer = world.customer()
    assert use(world, customer, "ai_requests", 10).json["remaining"] == 0

    problem = require_problem(use(world, customer, "ai_requests"), status=402, code="entitlement_exceeded")

    assert problem["title"] == "Entitlement exceeded"
    assert problem["detail"] == "the plan free allows 10 of ai_requests this month; 10 are used, 1 more were asked for"
    assert (problem["feature"], problem["limit"], problem["used"], problem["requested"]) == ("ai_requests", 10, 10, 1)


def test_a_use_that_passes_the_limit_is_not_counted_in_part(world: World) -> None:
    customer = world.customer()
    use(world, customer, "ai_requests", 7)

    require_problem(use(world, customer, "ai_requests", 4), status=402, code="entitlement_exceeded")
    require_problem(use(world, customer, "storage", 100 * MB + 1), status=402, code="entitlement_exceeded")

    assert seen(world, customer, "ai_requests")["used"] == 7
    assert seen(world, customer, "storage")["used"] == 0
    assert world.count("entitlement_uses") == 1


def test_levels_and_sizes_are_given_back(world: World) -> None:
    customer = world.customer()
    use(world, customer, "projects")
    use(world, customer, "storage", 60 * MB)

    assert use(world, customer, "projects", -1).json["remaining"] == 1
    assert use(world, customer, "storage", -20 * MB).json["used"] == 40 * MB
    assert use(world, customer, "projects").json["remaining"] == 0


@pytest.mark.parametrize(("used", "back"), [(0, 1), (1, 2)])
def test_more_than_is_used_is_not_given_back(world: World, used: int, back: int) -> None:
    customer = world.customer()
    if used:
        use(world, customer, "projects", used)

    answer = use(world, customer, "projects", -back)

    require_problem(answer, status=409, code="more_given_back_than_used")
    assert seen(world, customer, "projects")["used"] == used


def test_a_use_in_the_month_is_not_given_back(world: World) -> None:
    customer = world.customer()
    use(world, customer, "ai_requests", 3)

    problem = require_problem(use(world, customer, "ai_requests", -1), status=422, code="use_not_given_back")

    assert faults(problem) == {("/amount", "not_positive")}
    assert seen(world, customer, "ai_requests")["used"] == 3


def test_a_text_is_not_used_up(world: World) -> None:
    require_problem(use(world, world.customer(), "support"), status=422, code="feature_not_consumable")


def test_an_unknown_feature_is_a_404_that_names_those_there_are(world: World) -> None:
    problem = require_problem(use(world, world.customer(), "gpus"), status=404, code="feature_not_found")

    assert "ai_requests" in problem["detail"]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"amount": 0}, ("/amount", "value_error")),
        ({"amount": "1"}, ("/amount", "int_type")),
        ({"amount": 1.5}, ("/amount", "int_type")),
        ({"amount": None}, ("/amount", "int_type")),
        ({"amount": 10**15 + 1}, ("/amount", "less_than_equal")),
        ({"amount": -(10**15) - 1}, ("/amount", "greater_than_equal")),
        ({"amount": 1, "feature": "users"}, ("/feature", "unknown_field")),
    ],
)
def test_what_is_no_amount_is_refused(world: World, body: dict[str, Any], fault: tuple[str, str]) -> None:
    answer = world.call("POST", f"/customers/{world.customer()}/entitlements/storage/consume", body)

    assert faults(require_problem(answer, status=422, code="invalid_request")) == {fault}


def test_a_retry_under_the_same_key_counts_once(world: World) -> None:
    customer = world.customer()
    key = {"Idempotency-Key": "request-1"}

    first, again = (use(world, customer, "ai_requests", 2, headers=key) for _ in range(2))

    assert first.json == again.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert seen(world, customer, "ai_requests")["used"] == 2


def test_the_next_month_begins_anew_and_a_level_goes_on(world: World) -> None:
    customer = row_id("cus", world.customer())
    november, december = datetime(2026, 11, 30, 23, 59, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)

    def used(session: Session, now: datetime) -> dict[str, int | None]:
        found = entitlements_of(session, customer_id=customer, grace_days=3, now=now).entitlements
        return {entitlement.feature.name: entitlement.used for entitlement in found}

    with world.session() as session:
        consume(session, customer_id=customer, feature="ai_requests", amount=10, grace_days=3, now=november)
        consume(session, customer_id=customer, feature="projects", amount=1, grace_days=3, now=november)
        with pytest.raises(EntitlementExceeded):
            consume(session, customer_id=customer, feature="ai_requests", amount=1, grace_days=3, now=november)
        consume(session, customer_id=customer, feature="ai_requests", amount=2, grace_days=3, now=december)

        assert used(session, november) == {"projects": 1, "users": 0, "ai_requests": 10, "storage": 0, "support": None}
        assert used(session, december) == {"projects": 1, "users": 0, "ai_requests": 2, "storage": 0, "support": None}


def test_a_use_from_before_a_feature_was_counted_by_the_month_is_not_of_this_month(
    world: World, change_catalog: Change
) -> None:
    customer = world.customer()
    use(world, customer, "projects")
    change_catalog("UPDATE entitlement_uses SET feature = 'ai_requests'")

    assert seen(world, customer, "ai_requests")["used"] == 0


def test_a_plan_that_got_smaller_leaves_less_than_nothing_to_nobody(world: World, change_catalog: Change) -> None:
    """More is in use than the plan allows: nothing more is given, and what is given back is taken."""
    customer = world.customer()
    use(world, customer, "storage", 90 * MB)
    change_catalog(f"UPDATE plan_features SET limit_value = {50 * MB} WHERE limit_value = {100 * MB}")

    assert (seen(world, customer, "storage")["used"], seen(world, customer, "storage")["remaining"]) == (90 * MB, 0)
    require_problem(use(world, customer, "storage", 1), status=402, code="entitlement_exceeded")
    assert use(world, customer, "storage", -30 * MB).json["remaining"] == 0
    assert use(world, customer, "storage", -20 * MB).json["remaining"] == 10 * MB
    assert use(world, customer, "storage", 10 * MB).json["remaining"] == 0


def test_without_a_limit_uses_are_counted_all_the_same(world: World, change_catalog: Change) -> None:
    customer = world.customer()
    change_catalog(UNLIMITED_AI)

    answer = use(world, customer, "ai_requests", 10**15).json

    assert (answer["limit"], answer["unlimited"], answer["used"], answer["remaining"]) == (None, True, 10**15, None)


def test_what_a_counter_cannot_hold_is_refused_and_not_lost(world: World, change_catalog: Change) -> None:
    customer = world.customer()
    change_catalog(UNLIMITED_AI)
    use(world, customer, "ai_requests")
    change_catalog(f"UPDATE entitlement_uses SET used = {LIMIT_VALUE_MAX}")

    require_problem(use(world, customer, "ai_requests"), status=402, code="entitlement_exceeded")


def test_what_a_plan_does_not_speak_of_is_not_in_it(world: World, change_catalog: Change) -> None:
    customer = world.customer()
    change_catalog("DELETE FROM plan_features WHERE feature = 'users'")

    assert seen(world, customer, "users")["limit"] == 0
    require_problem(use(world, customer, "users"), status=402, code="entitlement_exceeded")


def test_a_customer_sees_its_own_use_and_does_not_count_it(world: World) -> None:
    """It could give back what it keeps."""
    customer, other = world.customer(), world.customer()
    token = world.call("POST", f"/customers/{customer}/tokens", {}).json["token"]

    assert world.call("GET", f"/customers/{customer}/entitlements", key=token).status_code == 200
    require_problem(
        world.call("GET", f"/customers/{other}/entitlements", key=token), status=404, code="customer_not_found"
    )
    require_problem(use(world, customer, "projects", -1, key=token), status=403, code="scope_missing")


def test_a_product_counts_uses_and_leaves_the_catalog_alone(world: World) -> None:
    customer = world.customer()

    assert use(world, customer, "ai_requests", role=Role.SERVICE).status_code == 200
    require_problem(use(world, customer, "ai_requests", role=Role.READER), status=403, code="scope_missing")
    assert world.call("GET", "/plans", role=Role.SERVICE).status_code == 200


def test_a_use_is_one_statement_that_writes(world: World) -> None:
    customer = world.customer()
    world.key()

    with statements(world) as sent:
        use(world, customer, "ai_requests", headers={"Idempotency-Key": "one"})

    assert len([sql for sql in sent if "entitlement_uses" in sql]) == 1
