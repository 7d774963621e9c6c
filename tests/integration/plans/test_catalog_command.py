"""`billing catalog`: what it changes, what it leaves alone, and what it says."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from billing.actor import WORKER
from billing.catalog.apply import CatalogChangedMeanwhile, apply_catalog, catalog_changes
from billing.catalog.file import read_catalog
from billing.catalog.find import current_version, find_plan, price_for
from billing.clock import utc_now
from cli.catalog import app
from cli.failures import CommandFailure
from models.ids import row_id
from models.price import PriceInterval
from tests.service.commands import Run, command
from tests.service.world import World

PRO = """
[[plans]]
code = "pro"
name = "Professional"
description = "For professionals and small groups."
position = 2
credits_per_month = 1000
credits_roll_over_max = 200
[plans.features]
projects = 10
users = 5
ai_requests = 100
storage = 10_000_000_000
support = "email"
[[plans.prices]]
interval = "month"
currency = "USD"
unit_amount = 3900
[[plans.prices]]
component = "seats"
interval = "month"
currency = "USD"
scheme = "graduated"
[[plans.prices.tiers]]
up_to = 5
[[plans.prices.tiers]]
unit_amount = 900
[[plans.prices]]
component = "api_calls"
interval = "month"
currency = "USD"
scheme = "per_unit"
unit_amount = 0.25
meter = "api_calls"
"""
COUPON = """
[[coupons]]
code = "TEN"
name = "Ten percent"
percent_off = 10
"""


@pytest.fixture
def billing(world: World, kept_catalog: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    with command(app, world=world, monkeypatch=monkeypatch, data_dir=tmp_path) as run:
        yield run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "catalog.toml"


def make_meter(world: World) -> None:
    made = world.call("POST", "/meters", {"code": "api_calls", "name": "API calls", "event_type": "api.called"})
    assert made.status_code == 201


def done(result: Result) -> Any:
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def problem_of(result: Result) -> str:
    assert isinstance(result.exception, CommandFailure), result.output
    return result.exception.problem


def test_new_terms_are_a_new_version_and_names_change_in_place(world: World, billing: Run, file: Path) -> None:
    make_meter(world)
    file.write_text(PRO + COUPON)
    before = world.rows("SELECT * FROM plan_versions ORDER BY id"), world.rows("SELECT * FROM prices ORDER BY id")

    applied = done(billing("apply", str(file), "--yes", "--json"))

    assert applied["applied"] is True
    assert {(change["subject"], change["field"], change["how"]) for change in applied["changes"]} >= {
        ("plan pro", "name", "in place"),
        ("plan pro", "credits_roll_over_max", "new version"),
        ("plan pro", "price base USD by the month", "new version"),
        ("plan pro", "price base USD by the year", "new version"),
        ("coupon TEN", "percent_off", "new"),
    }
    shown = world.call("GET", "/plans/pro").json
    assert (shown["name"], shown["version"], shown["credits_roll_over_max"]) == ("Professional", 2, 200)
    assert [(price["component"], price["scheme"], price["amount"], price["meter"]) for price in shown["prices"]] == [
        ("base", "flat", 3900, None),
        ("api_calls", "per_unit", None, "api_calls"),
        ("seats", "graduated", None, None),
    ]
    assert shown["prices"][1]["unit_amount"] == "0.25"
    assert shown["prices"][2]["tiers"] == [
        {"up_to": 5, "unit_amount": "0", "flat_amount": "0"},
        {"up_to": None, "unit_amount": "900", "flat_amount": "0"},
    ]
    after = world.rows("SELECT * FROM plan_versions ORDER BY id"), world.rows("SELECT * FROM prices ORDER BY id")
    assert all(row in kept for rows, kept in zip(before, after, strict=True) for row in rows)
    assert world.rows("SELECT code, percent_off, duration, active FROM coupons") == [
        {"code": "TEN", "percent_off": 10, "duration": "once", "active": True}
    ]


def test_a_second_time_there_is_nothing_to_do(world: World, billing: Run, file: Path) -> None:
    make_meter(world)
    file.write_text(PRO + COUPON)
    done(billing("apply", str(file), "--yes", "--json"))

    again = billing("apply", str(file))

    assert again.exit_code == 0
    assert "nothing to do" in again.stderr
    assert done(billing("apply", str(file), "--yes", "--json")) == {"applied": False, "changes": []}
    assert world.rows("SELECT max(number) AS newest FROM plan_versions") == [{"newest": 2}]
    assert len(world.rows("SELECT 1 FROM outbox_events WHERE type = 'catalog.changed'")) == 1


def test_only_what_is_called_otherwise_is_no_new_version(world: World, billing: Run, file: Path) -> None:
    file.write_text(
        billing("export").stdout.replace('"Pro"', '"Professional"').replace("active = true", "active = false", 1)
    )

    applied = done(billing("apply", str(file), "--yes", "--json"))

    assert [(change["subject"], change["field"]) for change in applied["changes"]] == [
        ("plan free", "active"),
        ("plan pro", "name"),
    ]
    assert world.rows("SELECT max(number) AS newest FROM plan_versions") == [{"newest": 1}]


def test_a_dry_run_shows_and_changes_nothing(world: World, billing: Run, file: Path) -> None:
    make_meter(world)
    file.write_text(PRO)
    before = world.call("GET", "/plans/pro").json

    shown = billing("apply", str(file), "--dry-run")

    assert shown.exit_code == 0
    assert "29.00 USD a month" in shown.stdout
    assert "39.00 USD a month" in shown.stdout
    assert world.call("GET", "/plans/pro").json == before
    assert done(billing("apply", str(file), "--dry-run", "--json"))["applied"] is False


def test_it_asks_and_a_no_changes_nothing(world: World, billing: Run, file: Path) -> None:
    make_meter(world)
    file.write_text(PRO)

    asked = billing("apply", str(file))

    assert (asked.exit_code, "Apply this?" in asked.stderr) == (1, True)
    assert world.call("GET", "/plans/pro").json["version"] == 1
    assert "does not ask" in problem_of(billing("apply", str(file), "--json"))


def test_what_is_exported_is_applied_without_a_difference(world: World, billing: Run, file: Path) -> None:
    make_meter(world)
    file.write_text(PRO + COUPON)
    done(billing("apply", str(file), "--yes", "--json"))

    file.write_text(billing("export").stdout)

    assert done(billing("apply", str(file), "--yes", "--json")) == {"applied": False, "changes": []}
    assert set(read_catalog(file.read_text()).plans) == {"free", "pro", "team", "enterprise"}
    assert set(read_catalog(file.read_text()).coupons) == {"TEN"}


def test_an_add_on_is_a_plan_of_its_own(world: World, billing: Run, file: Path) -> None:
    file.write_text(
        '[[plans]]\ncode = "support"\nname = "Support"\nposition = 9\nkind = "addon"\ncredits_per_month = 0\n'
        '[[plans.prices]]\ninterval = "month"\ncurrency = "JPY"\nunit_amount = 5000\n'
    )

    done(billing("apply", str(file), "--yes", "--json"))

    shown = world.call("GET", "/plans/support").json
    assert (shown["kind"], shown["version"], shown["prices"][0]["amount"]) == ("addon", 1, 5000)


def test_who_changed_what_is_written_down(world: World, billing: Run, file: Path) -> None:
    make_meter(world)
    file.write_text(PRO)

    done(billing("apply", str(file), "--yes", "--json"))

    (entry,) = world.rows("SELECT actor, before, after FROM audit_entries WHERE action = 'catalog.changed'")
    field = "plan pro: price base USD by the month"
    assert (entry["actor"], entry["before"][field], entry["after"][field]) == (
        "cli",
        "29.00 USD a month",
        "39.00 USD a month",
    )
    assert entry["after"]["plan pro: name"] == "Professional"
    (event,) = world.rows("SELECT payload FROM outbox_events WHERE type = 'catalog.changed'")
    assert event["payload"]["plans"] == {"free": 1, "pro": 2, "team": 1, "enterprise": 1}


def test_of_a_file_that_cannot_be_applied_nothing_is(world: World, billing: Run, file: Path) -> None:
    file.write_text(COUPON + PRO)

    assert "there is no meter api_calls" in problem_of(billing("apply", str(file), "--yes"))
    assert world.count("coupons") == 0
    assert world.call("GET", "/plans/pro").json["name"] == "Pro"


def test_what_is_wrong_with_a_file_is_said(billing: Run, file: Path) -> None:
    file.write_text(PRO.replace("unit_amount = 3900", 'unit_amount = "39"').replace("position = 2", "position = -2"))
    said = problem_of(billing("apply", str(file)))

    assert "plan pro, position: " in said
    assert "plan pro, prices[0].unit_amount: " in said
    assert "cannot be read" in problem_of(billing("apply", str(file.with_name("missing.toml"))))
    file.write_text("plans = [")
    assert "no TOML" in problem_of(billing("apply", str(file)))


def test_a_difference_that_nobody_saw_is_not_applied(world: World, kept_catalog: None) -> None:
    make_meter(world)
    wanted = read_catalog(PRO)
    with world.session() as session:
        shown = catalog_changes(session, wanted=wanted)
    with world.session() as session:
        other = read_catalog(PRO.replace("3900", "4900"))
        apply_catalog(session, wanted=other, shown=None, actor=WORKER, now=utc_now())

    with pytest.raises(CatalogChangedMeanwhile), world.session() as session:
        apply_catalog(session, wanted=wanted, shown=shown, actor=WORKER, now=utc_now())

    assert world.call("GET", "/plans/pro").json["prices"][0]["amount"] == 4900


def test_the_same_file_applied_by_two_at_once_is_one_version(world: World, kept_catalog: None) -> None:
    make_meter(world)
    wanted, found, start = read_catalog(PRO), list[int](), threading.Barrier(2)

    def apply() -> None:
        start.wait()
        with world.session() as session:
            found.append(len(apply_catalog(session, wanted=wanted, shown=None, actor=WORKER, now=utc_now())))

    threads = [threading.Thread(target=apply) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert min(found) == 0 < max(found)
    assert world.rows(
        "SELECT count(*) AS n FROM plan_versions v JOIN plans p ON p.id = plan_id WHERE code = 'pro'"
    ) == [{"n": 2}]


def paid(world: World, customer: str, plan: str = "enterprise") -> list[int]:
    with world.session() as session:
        version = current_version(session, plan_id=find_plan(session, named=plan).id)
        found = price_for(
            session,
            version_id=version.id,
            interval=PriceInterval.YEAR,
            currency="USD",
            customer_id=row_id("cus", customer),
        )
        return [int(price.unit_amount or 0) for price in found]


def test_a_price_is_agreed_on_with_a_customer_and_later_another(world: World, billing: Run) -> None:
    customer = world.customer()
    wish = ("price-for", customer, "--plan", "enterprise", "--interval", "year", "--currency", "usd")

    first = done(billing(*wish, "--amount", "1200000", "--json"))
    assert (first["amount"], first["currency"], first["id"][:6]) == (1200000, "USD", "price_")
    assert paid(world, customer) == [1200000]
    said = billing(*wish, "--amount", "1000000")

    assert f"{customer} pays 10000.00 USD a year for enterprise" in said.stderr
    assert paid(world, customer) == [1000000]
    assert world.call("GET", "/plans/enterprise").json["prices"] == []
    entries = world.rows("SELECT after FROM audit_entries WHERE action = 'price.agreed' ORDER BY id")
    assert [(entry["after"]["customer_id"], entry["after"]["amount"]) for entry in entries] == [
        (customer, 1200000),
        (customer, 1000000),
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"--plan": "gold"}, "there is no plan 'gold'"),
        ({"--version": "7"}, "has no version 7"),
        ({"--amount": "much"}, "'much' is no number"),
        ({"--amount": "-1"}, "takes 0 to"),
        ({"--currency": "XXX"}, "not an ISO 4217"),
        ({"--scheme": "volume"}, "tiers"),
        ({"--component": "Base fee"}, "no component"),
    ],
)
def test_a_price_that_cannot_be_is_refused(world: World, billing: Run, changed: dict[str, str], said: str) -> None:
    wish = {"--plan": "pro", "--interval": "year", "--currency": "USD", "--amount": "1", **changed}

    result = billing("price-for", world.customer(), *(part for pair in wish.items() for part in pair))

    assert said in problem_of(result)
    assert world.rows("SELECT 1 FROM prices WHERE customer_id IS NOT NULL") == []


def test_a_customer_that_is_not_there_gets_no_price(billing: Run) -> None:
    wish = ("--plan", "pro", "--interval", "year", "--currency", "USD", "--amount", "1")

    assert "there is no customer" in problem_of(billing("price-for", "cus_01h455vb4pex5vsknk084sn02q", *wish))
