"""The catalog as callers see it."""

import pytest

from billing.catalog.features import FEATURES
from tests.integration.app.asking import require_problem
from tests.integration.plans.conftest import Change
from tests.service.world import World

GB = 10**9


def test_the_catalog_lists_every_plan(world: World) -> None:
    page = world.call("GET", "/plans").json

    assert [plan["code"] for plan in page["data"]] == ["free", "pro", "team", "enterprise"]
    assert [plan["position"] for plan in page["data"]] == [1, 2, 3, 4]
    assert (page["has_more"], page["next_cursor"]) == (False, None)


def test_a_plan_shows_prices_features_and_credits(world: World) -> None:
    plan = world.call("GET", "/plans/pro").json

    assert plan["id"].startswith("plan_")
    assert (plan["kind"], plan["version"]) == ("plan", 1)
    assert all(price.pop("id").startswith("price_") for price in plan["prices"])
    assert plan["prices"] == [
        {
            "component": "base", "interval": interval, "currency": "USD", "scheme": "flat", "amount": amount,
            "unit_amount": str(amount), "package_size": None, "tiers": None, "meter": None, "tax_behavior": "exclusive",
        }
        for interval, amount in (("month", 2900), ("year", 29000))
    ]  # fmt: skip
    assert plan["features"] == [
        {"feature": "projects", "kind": "level", "limit": 10, "unlimited": False, "value": None},
        {"feature": "users", "kind": "level", "limit": 5, "unlimited": False, "value": None},
        {"feature": "ai_requests", "kind": "counted", "limit": 100, "unlimited": False, "value": None},
        {"feature": "storage", "kind": "size", "limit": 10 * GB, "unlimited": False, "value": None},
        {"feature": "support", "kind": "text", "limit": None, "unlimited": False, "value": "email"},
    ]
    assert (plan["credits_per_month"], plan["credits_unlimited"], plan["active"]) == (1000, False, True)
    assert plan["credits_roll_over_max"] is None


def test_enterprise_has_no_list_price_and_no_limits(world: World) -> None:
    plan = world.call("GET", "/plans/enterprise").json

    assert plan["prices"] == []
    assert (plan["credits_per_month"], plan["credits_unlimited"]) == (None, True)
    assert {feature["unlimited"] for feature in plan["features"] if feature["kind"] != "text"} == {True}


def test_a_plan_is_found_by_its_id_as_by_its_code(world: World) -> None:
    by_code = world.call("GET", "/plans/team").json

    assert world.call("GET", f"/plans/{by_code['id']}").json == by_code


@pytest.mark.parametrize(
    "named", ["gold", "PRO", "plan_01h455vb4pex5vsknk084sn02q", "cus_01h455vb4pex5vsknk084sn02q", "x" * 300]
)
def test_a_plan_that_is_not_there_is_a_404(world: World, named: str) -> None:
    require_problem(world.call("GET", f"/plans/{named}"), status=404, code="plan_not_found")


def test_trials_are_as_long_as_the_installation_says(world: World) -> None:
    days = {plan["code"]: plan["trial_days"] for plan in world.call("GET", "/plans").json["data"]}
    with World.open(world.servers, TRIAL_PERIOD_DAYS=30) as other:
        longer = {plan["code"]: plan["trial_days"] for plan in other.call("GET", "/plans").json["data"]}

    assert days == {"free": 0, "pro": 14, "team": 14, "enterprise": 0}
    assert longer == {"free": 0, "pro": 30, "team": 30, "enterprise": 0}


def test_each_plan_says_something_of_each_feature(world: World) -> None:
    """A feature that the code knows and a migration forgot would be in no plan."""
    held = world.rows(
        "SELECT code, feature FROM plan_features JOIN plan_versions v ON v.id = version_id JOIN plans ON plans.id = v.plan_id"
    )
    plans = {row["code"] for row in held}

    assert {(row["code"], row["feature"]) for row in held} == {(plan, f.name) for plan in plans for f in FEATURES}


def test_a_plan_that_is_not_offered_any_more_is_found_and_not_listed(world: World, change_catalog: Change) -> None:
    change_catalog("UPDATE plans SET active = false WHERE code = 'team'")

    assert [plan["code"] for plan in world.call("GET", "/plans").json["data"]] == ["free", "pro", "enterprise"]
    assert world.call("GET", "/plans/team").json["active"] is False


def test_a_price_list_in_another_currency_is_rows(world: World, change_catalog: Change) -> None:
    change_catalog(
        "INSERT INTO prices (id, version_id, interval, currency, scheme, unit_amount, tax_behavior, created_at) "
        "SELECT gen_random_uuid(), v.id, 'month', 'EUR', 'flat', 2700, 'exclusive', now() "
        "FROM plan_versions v JOIN plans ON plans.id = plan_id WHERE code = 'pro'"
    )

    prices = world.call("GET", "/plans/pro").json["prices"]

    assert [(price["currency"], price["interval"], price["amount"]) for price in prices] == [
        ("EUR", "month", 2700),
        ("USD", "month", 2900),
        ("USD", "year", 29000),
    ]


def test_a_customers_token_reads_the_catalog(world: World) -> None:
    token = world.call("POST", f"/customers/{world.customer()}/tokens", {}).json["token"]

    assert world.call("GET", "/plans/free", key=token).status_code == 200
