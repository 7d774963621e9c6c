"""`billing mirror` and `billing import stripe-subscription`, as a shell sees them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import mirror
from cli.failures import CommandFailure
from cli.imports import command as imports
from tests.integration.mirror.stories import AtStripe
from tests.service.commands import Run, command
from tests.service.world import World


@pytest.fixture
def run_mirror(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    with command(mirror.app, world=world, monkeypatch=monkeypatch, data_dir=tmp_path) as run:
        yield run


@pytest.fixture
def run_import(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    with command(imports.app, world=world, monkeypatch=monkeypatch, data_dir=tmp_path) as run:
        yield run


def test_sync_finds_what_was_there_before_and_again_what_became_known(world: World, run_mirror: Run) -> None:
    story = AtStripe(world)
    price = story.price(None)
    sub = story.subscribe(price)
    story.subscribe()

    first = run_mirror("sync", "--json")
    listed = run_mirror("list", "--incomplete")
    world.gateway_post(f"prices/{price}", **{"metadata[billing_plan]": "team"})
    second = run_mirror("sync")

    assert json.loads(first.stdout) == {"seen": 2, "without_customer": 0, "without_plan": 1}
    assert f"no plan: set billing_plan in the metadata of {price}, then sync" in listed.stdout
    assert "2 subscriptions at Stripe are mirrored\n" in second.stderr
    assert (story.mirrored(sub)["plan"], story.plan()) == ("team", "team")
    assert [each["gateway_id"] for each in json.loads(run_mirror("list", "--json").stdout)] == [
        each["gateway_id"] for each in world.call("GET", "/subscriptions?managed_by=stripe").json["data"]
    ]


def test_sync_makes_customers_of_those_who_subscribe_at_stripe_when_it_is_told_to(
    world: World, run_mirror: Run, run_import: Run
) -> None:
    story = AtStripe(world)
    form = {"email": "ada@example.com", "name": "Ada", "address[city]": "London", "address[country]": "GB"}
    story.gateway_customer = str(world.gateway_post("customers", **form)["id"])
    nameless = str(world.gateway_post("customers")["id"])
    story.use_card("pm_card_visa")
    sub = story.subscribe()
    world.gateway_post(
        "subscriptions", **{"customer": nameless, "items[0][price]": story.price(), "trial_period_days": 9}
    )

    first = run_mirror("sync")
    second = run_mirror("sync", "--create-customers", "--json")
    world.work()

    assert "2 of customers that are not known here" in first.stderr
    assert json.loads(second.stdout) == {"seen": 2, "without_customer": 1, "without_plan": 0}
    adopted = world.call("GET", f"/customers/{story.mirrored(sub)['customer_id']}").json
    assert (adopted["email"], adopted["address"]["city"], adopted["gateway_id"]) == (
        "ada@example.com",
        "London",
        story.gateway_customer,
    )
    assert world.gateway(f"customers/{story.gateway_customer}")["address"]["city"] == "London"
    assert run_import("stripe-subscription", sub, "--wait", "0").exception is None
    world.work()
    (ours,) = world.call("GET", f"/subscriptions?managed_by=billing&customer_id={adopted['id']}").json["data"]
    assert (ours["status"], ours["plan"]) == ("active", "pro")


def test_a_gateway_that_is_away_is_said(world: World, run_mirror: Run) -> None:
    world.fault("status", method="GET", path="/v1/subscriptions", status=503, times=2)

    result = run_mirror("sync")

    assert isinstance(result.exception, CommandFailure)
    assert result.exception.exit_code == 5


def test_a_dry_run_shows_the_terms_and_changes_nothing(world: World, run_import: Run) -> None:
    story = AtStripe(world)
    sub = story.subscribe()

    plain = run_import("stripe-subscription", sub, "--dry-run")
    told = json.loads(run_import("stripe-subscription", sub, "--dry-run", "--json").stdout)

    assert "1 × pro by the month, 2900 minor units of USD a period before tax" in plain.stdout
    assert (told["plan"], told["amount"], told["quantity"]) == ("pro", 2900, 1)
    assert (world.count("mirrored_subscriptions"), world.count("operations"), story.told()) == (0, 0, [])
    assert story.at_stripe(sub)["cancel_at_period_end"] is False


def test_an_import_is_accepted_and_then_said_to_be_done(world: World, run_import: Run) -> None:
    story = AtStripe(world)
    sub = story.subscribe()

    accepted = run_import("stripe-subscription", sub, "--wait", "0")
    world.work()
    again = run_import("stripe-subscription", sub, "--wait", "0")

    assert "the workers go on with it" in accepted.stderr
    assert isinstance(again.exception, CommandFailure)
    assert "it goes on here already, as sub_" in again.exception.problem
    assert len(world.call("GET", "/subscriptions?managed_by=billing").json["data"]) == 1


def test_what_stripe_does_not_have_is_said(run_import: Run) -> None:
    result = run_import("stripe-subscription", "sub_nothing", "--dry-run")

    assert isinstance(result.exception, CommandFailure)
    assert result.exception.problem == "Stripe has no subscription sub_nothing"
