"""A subscription that Stripe bills goes on here: never billed by both, never by none, whoever dies in between."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing.actor import OPERATOR_CLI
from billing.catalog.customer_price import agree_on_price
from billing.catalog.pricing import PriceTerms
from billing.clock import utc_now
from billing.errors import BillingError
from billing.invariants import check_invariants
from billing.mirror.import_subscription import preview_import, request_import
from billing.mirror.observe import observe_mirror
from billing.subscriptions.run_due import run_due
from models.ids import row_id
from models.price import PriceInterval, PriceScheme, TaxBehavior
from tests.integration.mirror.stories import AtStripe
from tests.service.world import World


def ask_for_import(world: World, gateway_id: str) -> str:
    """Ask for the import as the command does, and return the operation's id; no worker has looked at it."""
    observation = observe_mirror(world.runtime, gateway_id=gateway_id)
    with world.session() as session:
        return str(request_import(session, observation=observation, actor=OPERATOR_CLI, now=utc_now()).id)


def refusal(world: World, gateway_id: str) -> BillingError:
    observation = observe_mirror(world.runtime, gateway_id=gateway_id)
    with pytest.raises(BillingError) as refused, world.session() as session:
        preview_import(session, observation=observation, actor=OPERATOR_CLI, now=utc_now())
    return refused.value


def ours(world: World, story: AtStripe) -> list[dict[str, Any]]:
    query = f"/subscriptions?customer_id={story.customer}&managed_by=billing"
    found: list[dict[str, Any]] = world.call("GET", query).json["data"]
    return found


def broken(world: World) -> list[str]:
    with world.session() as session:
        return [found.invariant.name for found in check_invariants(session) if found.violations]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_it_goes_on_here_where_it_ends_there_and_is_billed_by_one_of_them(world: World) -> None:
    world.open_credits()
    story = AtStripe(world)
    sub = story.subscribe(**{"metadata[team]": "blue"})
    story.hear_all()
    charged = len(world.all_charges())

    ask_for_import(world, sub)
    world.work()
    story.hear_all()

    (mine,) = ours(world, story)
    mirrored = story.mirrored(sub)
    assert (mine["status"], mine["plan"], mine["interval"], mine["currency"]) == ("active", "pro", "month", "USD")
    assert (mine["metadata"], [item["quantity"] for item in mine["items"]]) == ({"team": "blue"}, [1])
    assert mine["current_period_end"] == mirrored["current_period_end"]
    assert (mirrored["imported_as"], mirrored["cancel_at_period_end"]) == (mine["id"], True)
    assert story.at_stripe(sub)["cancel_at_period_end"] is True
    assert world.call("GET", "/health").json["stats"]["active_subscriptions"] == 1
    assert story.told() == ["subscription.created", "subscription.credits_due", "subscription.imported"]
    assert (story.plan(), world.balance(story.customer), world.count("invoices")) == ("pro", 1_000, 0)
    methods = world.call("GET", f"/customers/{story.customer}/payment-methods").json["data"]
    assert [(method["brand"], method["default"]) for method in methods] == [("visa", True)]

    end = moment(mine["current_period_end"])
    story.time_passes(sub)  # Stripe ends it there
    story.hear_all()
    assert run_due(world.runtime, at=end - timedelta(seconds=1), now=utc_now()) == 0
    assert run_due(world.runtime, at=end, now=utc_now()) == 1
    world.work()

    (mine,) = ours(world, story)
    assert (mine["status"], mine["current_period_start"]) == ("active", mirrored["current_period_end"])
    (invoice,) = world.call("GET", f"/invoices?customer_id={story.customer}").json["data"]
    assert (invoice["status"], invoice["subtotal_amount"]) == ("paid", 2900)
    assert len(world.all_charges()) == charged + 1
    assert (story.mirrored(sub)["status"], story.plan()) == ("canceled", "pro")
    assert "subscription.canceled" not in story.told()
    assert broken(world) == []


@pytest.mark.parametrize("point", ["import.stripe_told", "operation.alone_before_commit"])
def test_who_dies_between_stripe_and_us_leaves_what_somebody_else_completes(
    world: World, fails_at: Callable[[str], None], point: str
) -> None:
    story = AtStripe(world)
    sub = story.subscribe()
    story.hear_all()
    ask_for_import(world, sub)
    fails_at(point)
    world.work()
    assert (ours(world, story), story.at_stripe(sub)["cancel_at_period_end"]) == ([], True)
    assert (story.plan(), "subscription.changed" in story.told()) == ("pro", False)

    world.make_all_due()
    story.hear_all()
    world.make_all_due()
    world.work()

    assert [mine["status"] for mine in ours(world, story)] == ["active"]
    assert [
        row["status"] for row in world.rows("SELECT status FROM operations WHERE kind = 'subscription.import'")
    ] == ["succeeded"]
    assert broken(world) == []


def test_a_lost_answer_is_asked_again_and_makes_one(world: World) -> None:
    story = AtStripe(world)
    sub = story.subscribe()
    ask_for_import(world, sub)
    world.fault("lost_answer", path=f"/v1/subscriptions/{sub}", times=2)

    world.work()
    world.make_all_due()
    world.work()

    assert len(ours(world, story)) == 1


def test_one_that_is_renewed_before_stripe_hears_of_it_goes_on_a_period_later(world: World) -> None:
    story = AtStripe(world)
    sub = story.subscribe()
    ask_for_import(world, sub)
    story.time_passes(sub)

    world.work()

    (mine,) = ours(world, story)
    item = story.at_stripe(sub)["items"]["data"][0]
    assert moment(mine["current_period_end"]).timestamp() == item["current_period_end"]


def test_one_that_ends_before_we_know_is_due_here_at_once(world: World, fails_at: Callable[[str], None]) -> None:
    story = AtStripe(world)
    sub = story.subscribe()
    ask_for_import(world, sub)
    fails_at("import.stripe_told")
    world.work()
    story.time_passes(sub)
    story.hear_all()
    assert story.mirrored(sub)["status"] == "canceled"

    # Stripe refuses to change what has ended, also under a key that it has forgotten by then.
    world.fault("status", path=f"/v1/subscriptions/{sub}", status=400, times=9)
    world.make_all_due()
    world.work()

    (mine,) = ours(world, story)
    assert run_due(world.runtime, at=moment(mine["current_period_end"]), now=utc_now()) == 1
    world.work()
    assert [invoice["status"] for invoice in world.call("GET", "/invoices").json["data"]] == ["paid"]


def test_an_import_that_was_given_up_is_an_alarm_and_can_be_asked_for_again(
    world: World, fails_at: Callable[[str], None]
) -> None:
    story = AtStripe(world)
    sub = story.subscribe()
    ask_for_import(world, sub)
    for _ in range(3):
        fails_at("operation.alone_before_commit")
        world.work()
        world.make_all_due()
    story.hear_all()
    assert (ours(world, story), broken(world)) == ([], ["imports_are_whole"])

    ask_for_import(world, sub)
    world.work()

    assert (len(ours(world, story)), broken(world)) == (1, [])


def test_one_that_goes_on_at_stripe_after_all_is_an_alarm(world: World) -> None:
    story = AtStripe(world)
    sub = story.subscribe()
    ask_for_import(world, sub)
    world.work()
    story.change(sub, cancel_at_period_end="false")

    story.hear_all()

    assert broken(world) == ["imports_are_whole"]


def test_a_trial_goes_on_as_a_trial_and_is_billed_here_at_its_end(world: World) -> None:
    story = AtStripe(world)
    sub = story.subscribe(trial_period_days=10)
    ask_for_import(world, sub)
    world.work()

    (mine,) = ours(world, story)
    assert (mine["status"], mine["trial_end"]) == ("trialing", mine["current_period_end"])
    story.time_passes(sub)
    end = moment(mine["trial_end"])
    for at in (end - timedelta(days=3), end):  # the reminder, then the end
        assert run_due(world.runtime, at=at, now=utc_now()) == 1
    world.work()

    assert ours(world, story)[0]["status"] == "active"
    assert [invoice["amount_paid"] for invoice in world.call("GET", "/invoices").json["data"]] == [3480]
    assert story.at_stripe(sub)["status"] == "canceled"


def test_seats_go_on_at_a_price_that_was_agreed_on(world: World) -> None:
    story = AtStripe(world)
    sub = story.subscribe(**{"items[0][quantity]": 3})
    refused = refusal(world, sub)
    assert refused.code == "subscription_not_importable"
    assert "Stripe bills 8700 minor units of USD a period, and the plan pro costs 2900 here" in refused.detail
    agree = f"price-for {story.customer} --plan pro --version 1 --interval month --currency USD --scheme per_unit"
    assert agree in refused.detail

    with world.session() as session:
        agree_on_price(
            session,
            customer_id=row_id("cus", story.customer),
            plan="pro",
            version=1,
            component="base",
            interval=PriceInterval.MONTH,
            terms=PriceTerms(scheme=PriceScheme.PER_UNIT, currency="USD", unit_amount=Decimal(2900)),
            tax_behavior=TaxBehavior.EXCLUSIVE,
            actor=OPERATOR_CLI,
            now=utc_now(),
        )
    ask_for_import(world, sub)
    world.work()

    (mine,) = ours(world, story)
    assert [item["quantity"] for item in mine["items"]] == [3]
    run_due(world.runtime, at=moment(mine["current_period_end"]), now=utc_now())
    assert [each["subtotal_amount"] for each in world.call("GET", "/invoices").json["data"]] == [8700]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cancel_at_period_end": "true"}, "it is about to end at Stripe"),
        ({"items[0][price]": "another"}, "it has 2 items"),
    ],
)
def test_what_cannot_go_on_as_it_is_says_why(world: World, change: dict[str, str], said: str) -> None:
    story = AtStripe(world)
    sub = story.subscribe()
    form = {name: story.price("team") if text == "another" else text for name, text in change.items()}
    story.change(sub, **form)

    refused = refusal(world, sub)

    assert (refused.code, said in refused.detail) == ("subscription_not_importable", True)
    assert world.count("operations WHERE kind = 'subscription.import'") == 0


def test_all_that_is_missing_is_said_at_once(world: World) -> None:
    story = AtStripe(world)
    story.gateway_customer = str(world.gateway_post("customers", email="x@y.example")["id"])
    story.use_card("pm_card_visa")
    sub = story.subscribe(story.price(None))

    said = refusal(world, sub).detail

    assert f"no customer here is {story.gateway_customer}" in said
    assert "set billing_plan in the metadata of price_" in said
    assert world.count("mirrored_subscriptions") == 0  # nothing is left of what was refused


def test_it_is_imported_once(world: World) -> None:
    story = AtStripe(world)
    sub = story.subscribe()
    ask_for_import(world, sub)
    under_way = pytest.raises(BillingError)
    with under_way as caught:
        ask_for_import(world, sub)
    assert caught.value.code == "operation_in_progress"
    world.work()

    with pytest.raises(BillingError) as again:
        ask_for_import(world, sub)

    assert "it goes on here already, as sub_" in str(again.value)
    assert len(ours(world, story)) == 1
