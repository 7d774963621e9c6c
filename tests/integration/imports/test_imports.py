"""`billing import` on a real service: what it says, what it writes, that it writes it once, and what is billed afterwards."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

import cli.imports.command
from billing.imports import run
from billing.imports.outcome import RowReport
from billing.imports.run import import_rows
from billing.invariants import check_invariants
from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from tests.integration.subscriptions.stories import Story
from tests.service.commands import Run, command
from tests.service.world import World

CUSTOMERS = """\
external_id,email,name,currency,country,metadata.tier
a1,ada@example.com,Ada,usd,gb,gold
a2,grace@example.com,"Hopper, Grace",USD,US,
"""
File = Callable[[str | bytes], str]


@pytest.fixture
def billing(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    world.open_credits()
    with command(cli.imports.command.app, world=world, monkeypatch=monkeypatch, data_dir=tmp_path) as invoke:
        yield invoke


@pytest.fixture
def file(tmp_path: Path) -> File:
    def write(text: str | bytes) -> str:
        path = tmp_path / "file.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def lines_of(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code in {ExitCode.DONE, ExitCode.FAILED}, result.output
    lines: list[dict[str, Any]] = json.loads(result.stdout)["lines"]
    return lines


def outcomes(result: Result) -> list[str]:
    return [line["outcome"] for line in lines_of(result)]


def a_clock_with_customers(world: World, billing: Run, file: File, *, at: str) -> tuple[str, str]:
    """Import a1 and a2 onto a new clock; return it, and who a1 is."""
    clock = world.clock(at)
    imported = lines_of(billing("customers", file(CUSTOMERS), "--test-clock", clock, "--json"))
    world.work()
    return clock, str(imported[0]["id"])


def subscriptions(*rows: str, columns: str = "customer,plan,current_period_start") -> str:
    return "\n".join([columns, *rows, ""])


# -- customers ------------------------------------------------------------------------------------------------------------


def test_customers_are_imported_once(world: World, billing: Run, file: File) -> None:
    first = billing("customers", file(CUSTOMERS), "--json")
    again = billing("customers", file(CUSTOMERS), "--json")

    assert outcomes(first) == ["created", "created"]
    assert outcomes(again) == ["exists", "exists"]
    assert [line["id"] for line in lines_of(again)] == [line["id"] for line in lines_of(first)]
    assert world.count("customers") == 2
    ada = world.call("GET", f"/customers/{lines_of(first)[0]['id']}").json
    assert (ada["external_id"], ada["email"], ada["currency"], ada["address"]["country"], ada["metadata"]) == (
        "a1",
        "ada@example.com",
        "USD",
        "GB",
        {"tier": "gold"},
    )


def test_a_dry_run_says_the_same_and_writes_nothing(world: World, billing: Run, file: File) -> None:
    told = billing("customers", file(CUSTOMERS), "--dry-run")

    assert told.exit_code == 0
    assert told.stdout.splitlines() == ["line 2: would be created: a1", "line 3: would be created: a2"]
    assert "it was a dry run, nothing is imported" in told.stderr
    assert [world.count(table) for table in ("customers", "outbox_events", "audit_entries")] == [0, 0, 0]
    assert world.hints == []


def test_one_bad_line_and_nothing_is_imported(world: World, billing: Run, file: File) -> None:
    told = billing("customers", file(f"{CUSTOMERS}a2,nobody,,XXY,,\n"))

    assert told.exit_code == ExitCode.FAILED
    assert told.stdout.splitlines()[:2] == [
        "line 4: refused: email: has not the form that it takes, as in ada@example.com",
        "line 4: refused: currency: 'XXY' is not an ISO 4217 currency code",
    ]
    assert "nothing is imported before every line is right" in told.stderr
    assert world.count("customers") == 0


def test_a_file_that_cannot_be_read_is_one_clear_line(world: World, billing: Run, file: File) -> None:
    told = billing("customers", file(b"external_id,email\na1,ada@example.com\na2,\xff\n"))

    assert isinstance(told.exception, CommandFailure)
    assert "file.csv, line 3: this is no UTF-8" in told.exception.problem
    assert world.count("customers") == 0


def test_a_gateways_customer_is_adopted(world: World, billing: Run, file: File) -> None:
    theirs = world.gateway_post("customers", email="old@example.com")["id"]
    header = "external_id,email,gateway_customer_id"

    imported = lines_of(billing("customers", file(f"{header}\na1,ada@example.com,{theirs}\n"), "--json"))
    world.work()

    assert world.call("GET", f"/customers/{imported[0]['id']}").json["gateway_id"] == theirs
    listed = world.gateway("customers")["data"]
    assert [(customer["id"], customer["email"]) for customer in listed] == [(theirs, "ada@example.com")]
    twice = billing("customers", file(f"{header}\nb1,b@example.com,{theirs}\n"), "--json")
    assert lines_of(twice)[0]["faults"] == [
        {"column": "gateway_customer_id", "detail": f"{theirs} is another customer's already"}
    ]


def test_an_import_that_was_cut_off_goes_on(
    world: World, billing: Run, file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "BATCH", 2)
    text = "external_id,email\n" + "".join(f"x{number},x{number}@example.com\n" for number in range(5))

    def dies_after_a_batch(*arguments: Any) -> Iterator[list[RowReport]]:
        yield next(iter(import_rows(*arguments)))
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(cli.imports.command, "import_rows", dies_after_a_batch)
        assert billing("customers", file(text)).exit_code != 0
    assert world.count("customers") == 2

    assert outcomes(billing("customers", file(text), "--json")) == ["exists", "exists", *["created"] * 3]
    assert world.count("customers") == 5


# -- subscriptions ---------------------------------------------------------------------------------------------------------


def test_an_imported_subscription_renews_on_the_right_day_at_the_right_price_once(
    world: World, billing: Run, file: File
) -> None:
    clock, ada = a_clock_with_customers(world, billing, file, at="2026-03-10T12:00:00Z")
    text = subscriptions("a1,pro,2026-02-28,31", columns="customer,plan,current_period_start,billing_anchor_day")
    imported = lines_of(billing("subscriptions", file(text), "--json"))
    story = Story.of(world, clock=clock, customer=ada)
    story.use_card("pm_card_visa")

    subscription = story.subscription(str(imported[0]["id"]))
    assert (subscription["status"], subscription["external_id"]) == ("active", "a1/pro")
    assert subscription["current_period_end"] == "2026-03-31T00:00:00.000Z"
    story.advance("2026-03-30T23:59:59")
    assert story.invoices() == []
    story.advance("2026-03-31T00:00:01")
    assert outcomes(billing("subscriptions", file(text), "--json")) == ["exists"]
    story.advance("2026-05-01T00:00:00")

    invoices = story.invoices()
    assert [invoice["period_start"][:10] for invoice in invoices] == ["2026-03-31", "2026-04-30"]
    assert {(invoice["status"], invoice["subtotal_amount"], invoice["billing_reason"]) for invoice in invoices} == {
        ("paid", 2_900, "subscription_cycle")
    }
    with world.session() as session:
        assert [found.invariant.name for found in check_invariants(session) if found.violations] == []


def test_an_imported_trial_is_billed_when_it_ends(world: World, billing: Run, file: File) -> None:
    clock, ada = a_clock_with_customers(world, billing, file, at="2026-03-10T12:00:00Z")
    columns = "customer,plan,current_period_start,trial_end,status,payment_method"
    billing("subscriptions", file(subscriptions("a1,pro,2026-03-06,2026-03-20,trialing,pm_card_visa", columns=columns)))
    story = Story.of(world, clock=clock, customer=ada)

    story.advance("2026-04-21T00:00:00")

    assert [(i["period_start"][:10], i["status"]) for i in story.invoices()] == [
        ("2026-03-20", "paid"),
        ("2026-04-20", "paid"),
    ]


def test_the_present_months_credits_were_given_elsewhere(world: World, billing: Run, file: File) -> None:
    clock, ada = a_clock_with_customers(world, billing, file, at="2026-03-10T12:00:00Z")
    text = subscriptions("a1,pro,2026-01-20,year", columns="customer,plan,current_period_start,interval")
    assert outcomes(billing("subscriptions", file(text), "--json")) == ["created"]
    story = Story.of(world, clock=clock, customer=ada)
    world.work()
    assert world.balance(ada) == 0

    story.advance("2026-03-20T00:00:01")

    assert world.balance(ada) == 1_000
    assert story.invoices() == []


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("nobody,pro,2026-03-01,", ("customer", "import the customers first")),
        ("a1,nope,2026-03-01,", ("plan", "there is no plan 'nope'")),
        ("a1,pro,2026-03-01,JPY", ("currency", "no price by the month in JPY")),
        ("a1,enterprise,2026-03-01,", ("interval", "no price by the month in USD")),
        ("a1,pro,2026-01-01,", ("current_period_start", "was over on 2026-02-01")),
        ("a1,pro,2026-04-01,", ("current_period_start", "which is to come")),
    ],
)
def test_a_subscription_that_cannot_be_billed_is_refused(
    world: World, billing: Run, file: File, row: str, fault: tuple[str, str]
) -> None:
    a_clock_with_customers(world, billing, file, at="2026-03-10T12:00:00Z")
    text = subscriptions("a2,pro,2026-03-01,", row, columns="customer,plan,current_period_start,currency")

    told = billing("subscriptions", file(text), "--json")

    assert told.exit_code == ExitCode.FAILED
    assert outcomes(told) == ["created", "refused"]
    assert json.loads(told.stdout)["written"] is False
    column, said = fault
    (found,) = lines_of(told)[1]["faults"]
    assert found["column"] == column
    assert said in found["detail"]
    assert world.count("subscriptions") == 0


def test_a_customer_who_has_the_plan_already_is_not_billed_twice(world: World, billing: Run, file: File) -> None:
    _, ada = a_clock_with_customers(world, billing, file, at="2026-03-10T12:00:00Z")
    assert world.call("POST", "/subscriptions", {"customer_id": ada, "plan": "free"}).status_code == 201

    (line,) = lines_of(billing("subscriptions", file(subscriptions("a1,free,2026-03-01")), "--json"))

    assert line["faults"] == [{"column": "plan", "detail": "the customer has a subscription to free already"}]


def test_who_ended_an_imported_subscription_does_not_get_it_again(world: World, billing: Run, file: File) -> None:
    a_clock_with_customers(world, billing, file, at="2026-03-10T12:00:00Z")
    text = subscriptions("a1,pro,2026-03-01")
    (line,) = lines_of(billing("subscriptions", file(text), "--json"))
    assert world.call("POST", f"/subscriptions/{line['id']}/cancel", {"at": "now"}).status_code == 200

    assert outcomes(billing("subscriptions", file(text), "--json")) == ["exists"]


def test_a_rehearsal_on_a_clock_can_be_repeated_on_another(world: World, billing: Run, file: File) -> None:
    clock, ada = a_clock_with_customers(world, billing, file, at="2026-03-10T12:00:00Z")
    text = subscriptions("a1,pro,2026-03-01")
    billing("subscriptions", file(text))
    assert world.call("DELETE", f"/test-clocks/{clock}").status_code == 200

    _, ada_again = a_clock_with_customers(world, billing, file, at="2026-03-10T12:00:00Z")

    assert ada_again != ada
    assert outcomes(billing("subscriptions", file(text), "--json")) == ["created"]
