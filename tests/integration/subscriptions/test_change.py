"""A subscription gets another plan, quantity or interval: what is shown before, what is billed, and when it comes."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.subscriptions.stories import Story
from tests.service.catalog import catalog_kept, change_catalog
from tests.service.servers import ServiceServers
from tests.service.world import World

ADDON = "01a00000-0000-7000-8000-00000000add0"
DECLINED = "pm_card_chargeCustomerFail"


@pytest.fixture
def story(world: World) -> Story:
    world.open_credits()
    return Story(world, begins="2026-01-01T00:00:00")


@pytest.fixture
def patient(servers: ServiceServers) -> Iterator[Story]:
    """A story in an installation that lets an unpaid change wait."""
    servers.reset()
    with World.open(servers, UNPAID_CHANGE="wait") as world:
        world.open_credits()
        yield Story(world, begins="2026-01-01T00:00:00")


def add_addon(world: World) -> None:
    """Sell packs of seats on top of a plan, at 10.00 a month each."""
    change_catalog(
        world,
        f"""
        INSERT INTO plans (id, code, name, description, position, kind, active, created_at, updated_at)
        VALUES ('{ADDON}', 'seats', 'Seats', '', 9, 'addon', true, now(), now());
        INSERT INTO plan_versions (id, plan_id, number, credits_per_month, credits_unlimited, published_at)
        VALUES ('{ADDON}', '{ADDON}', 1, 0, false, now());
        INSERT INTO prices (id, version_id, interval, currency, component, scheme, unit_amount, tax_behavior, created_at)
        VALUES ('{ADDON}', '{ADDON}', 'month', 'USD', 'base', 'per_unit', 1000, 'exclusive', now());
        """,
    )


def amounts(lines: list[dict[str, Any]]) -> list[tuple[str, int, str]]:
    return [(line["kind"], line["amount"], line["formula"]) for line in lines]


def test_an_upgrade_in_the_middle_of_a_month_gives_back_and_charges_the_rest(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0, proration_policy={"granularity": "day"})
    story.advance("2026-01-16T00:00:00")

    preview = story.preview(subscription, plan="team")
    changed = story.change(subscription, plan="team", preview_token=preview["preview_token"])

    assert changed["plan"] == "team"
    assert changed["pending_change"] is None
    assert amounts(preview["lines"]) == [
        ("proration_credit", -1497, "-16/31 × 29.00"),
        ("proration_charge", 5110, "16/31 × 99.00"),
    ]
    invoice = story.invoices()[-1]
    assert invoice["billing_reason"] == "subscription_update"
    assert (invoice["status"], invoice["amount_paid"]) == ("paid", preview["amount_due"])
    assert story.lines() == preview["lines"]
    assert [invoice[name] for name in ("subtotal_amount", "tax_amount", "total_amount")] == [3613, 723, 4336]
    assert preview["next_invoice"]["at"].startswith("2026-02-01")
    assert preview["next_invoice"]["total_amount"] == 11880
    story.advance("2026-02-02T00:00:00")
    assert story.lines() == preview["next_invoice"]["lines"]


def test_a_downgrade_comes_when_the_period_ends(story: Story) -> None:
    subscription = story.subscribe("team", trial_days=0)
    story.advance("2026-01-10T00:00:00")

    preview = story.preview(subscription, plan="pro")
    changed = story.change(subscription, plan="pro")

    assert (preview["lines"], preview["amount_due"]) == ([], 0)
    assert preview["effective_at"] == "2026-02-01T00:00:00.000Z"
    assert changed["plan"] == "team"
    assert changed["pending_change"] == {
        "plan": "pro",
        "interval": "month",
        "quantity": 1,
        "effective_at": "2026-02-01T00:00:00.000Z",
        "invoice_id": None,
    }
    story.advance("2026-02-02T00:00:00")
    after = story.subscription(subscription["id"])
    assert (after["plan"], after["pending_change"]) == ("pro", None)
    assert [invoice["subtotal_amount"] for invoice in story.invoices()] == [9900, 2900]


def test_who_asks_for_what_is_there_takes_a_scheduled_change_back(story: Story) -> None:
    subscription = story.subscribe("team", trial_days=0)
    story.change(subscription, plan="pro")

    back = story.change(subscription, plan="team")

    assert back["pending_change"] is None
    story.advance("2026-02-02T00:00:00")
    assert story.subscription(subscription["id"])["plan"] == "team"
    assert story.world.count("outbox_events WHERE type = 'subscription.change_withdrawn'") == 1


def test_an_upgrade_that_is_declined_does_not_give_the_better_plan(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)
    story.use_card(DECLINED)
    story.advance("2026-01-16T00:00:00")

    changed = story.change(subscription, plan="team")

    assert changed["plan"] == "pro"
    assert (changed["status"], changed["pending_change"]) == ("active", None)
    assert [invoice["status"] for invoice in story.invoices()] == ["paid", "void"]
    assert story.cases() == []
    assert story.books() == {"gateway_clearing": 3480, "revenue": -2900, "tax_payable": -580}
    story.use_card("pm_card_visa")
    assert story.change(subscription, plan="team")["plan"] == "team"


def test_with_wait_a_declined_upgrade_waits_to_be_paid(patient: Story) -> None:
    story = patient
    subscription = story.subscribe("pro", trial_days=0)
    story.use_card(DECLINED)
    story.advance("2026-01-16T00:00:00")

    changed = story.change(subscription, plan="team")
    invoice = changed["pending_change"]["invoice_id"]
    paid = story.world.call("POST", f"/invoices/{invoice}/pay", {"payment_method": "pm_card_visa"})
    story.world.work()

    assert changed["plan"] == "pro"
    assert paid.status_code == 202
    assert story.subscription(subscription["id"])["plan"] == "team"


def test_a_change_that_nobody_pays_is_withdrawn_after_a_day(patient: Story) -> None:
    story = patient
    subscription = story.subscribe("pro", trial_days=0)
    story.use_card(DECLINED)
    story.advance("2026-01-16T00:00:00")
    story.change(subscription, plan="team")

    story.advance("2026-01-17T00:00:00")

    after = story.subscription(subscription["id"])
    assert (after["plan"], after["pending_change"]) == ("pro", None)
    assert story.invoices()[-1]["status"] == "void"


def test_with_create_the_lines_wait_for_the_next_invoice(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0, proration_policy={"granularity": "day"})
    story.advance("2026-01-16T00:00:00")

    preview = story.preview(subscription, plan="team", proration="create")
    changed = story.change(subscription, plan="team", proration="create", preview_token=preview["preview_token"])

    assert changed["plan"] == "team"
    assert preview["amount_due"] == 0
    assert len(story.invoices()) == 1
    story.advance("2026-02-02T00:00:00")
    invoice = story.invoices()[-1]
    assert story.lines() == preview["next_invoice"]["lines"]
    assert invoice["total_amount"] == preview["next_invoice"]["total_amount"]
    assert amounts(invoice["lines"]) == [
        ("proration_credit", -1497, "-16/31 × 29.00"),
        ("proration_charge", 5110, "16/31 × 99.00"),
        ("recurring", 9900, "99.00"),
    ]


def test_lines_that_wait_are_billed_when_the_subscription_ends(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0, proration_policy={"granularity": "day"})
    story.advance("2026-01-16T00:00:00")
    story.change(subscription, plan="team", proration="create")
    story.act(subscription, "cancel")

    story.advance("2026-02-02T00:00:00")

    assert story.subscription(subscription["id"])["status"] == "canceled"
    assert [invoice["subtotal_amount"] for invoice in story.invoices()] == [2900, 5110 - 1497]


def test_a_longer_interval_restarts_the_period(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0, proration_policy={"granularity": "day"})
    story.advance("2026-01-16T00:00:00")

    changed = story.change(subscription, interval="year")

    assert changed["current_period_start"] == "2026-01-16T00:00:00.000Z"
    assert changed["current_period_end"] == "2027-01-16T00:00:00.000Z"
    assert [line["kind"] for line in story.invoices()[-1]["lines"]] == ["proration_credit", "recurring"]


def test_a_quantity_chain_gives_back_what_each_part_cost(story: Story) -> None:
    subscription = story.subscribe("team", quantity=2, trial_days=0, proration_policy={"granularity": "day"})
    for day, quantity in (("11", 3), ("21", 5)):
        story.advance(f"2026-01-{day}T00:00:00")
        story.change(subscription, quantity=quantity)

    billed = sum(invoice["subtotal_amount"] for invoice in story.invoices())
    again = story.change(subscription, quantity=5)

    assert again["items"][0]["quantity"] == 5
    assert len(story.invoices()) == (3 if billed else 0)


def test_a_change_in_the_same_second_gives_all_of_it_back(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)

    story.change(subscription, plan="team")

    assert amounts(story.invoices()[-1]["lines"]) == [
        ("proration_credit", -2900, "-2678400/2678400 × 29.00"),
        ("proration_charge", 9900, "99.00"),
    ]


def test_a_change_on_the_last_second_costs_next_to_nothing(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)
    story.advance("2026-01-31T23:59:59")

    changed = story.change(subscription, plan="team")

    assert changed["plan"] == "team"
    assert story.invoices()[-1]["total_amount"] == 0


def test_a_preview_that_does_not_hold_any_more_is_a_409(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)
    story.advance("2026-01-10T00:00:00")
    preview = story.preview(subscription, plan="team")
    story.change(subscription, quantity=1, billing_anchor_day=20)

    refused = story.put(subscription, plan="team", preview_token=preview["preview_token"])

    assert (refused.status_code, refused.json["code"]) == (409, "preview_outdated")


def test_a_preview_token_is_of_one_change_only(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)
    preview = story.preview(subscription, plan="team")

    other = story.put(subscription, plan="team", quantity=2, preview_token=preview["preview_token"])
    forged = story.put(subscription, plan="team", preview_token="x" + preview["preview_token"])

    assert [answer.status_code for answer in (other, forged)] == [422, 422]
    assert {answer.json["code"] for answer in (other, forged)} == {"preview_token_refused"}


def test_a_better_plan_gives_the_credits_that_it_has_more_and_no_chain_gives_more(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)
    for plan, effective in (("team", "now"), ("pro", "now"), ("team", "now")):
        story.change(subscription, plan=plan, effective=effective)

    granted = story.world.rows("SELECT part, credits FROM plan_allowances ORDER BY part")
    plans = {plan["code"]: plan["credits_per_month"] for plan in story.world.call("GET", "/plans").json["data"]}

    assert sum(row["credits"] for row in granted) == plans["team"]


def test_a_change_of_an_ended_or_unpaid_subscription_is_refused(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)
    story.act(subscription, "pause")
    paused = story.put(subscription, plan="team")
    story.act(subscription, "cancel", at="now")
    canceled = story.put(subscription, plan="team")

    assert [(answer.status_code, answer.json["code"]) for answer in (paused, canceled)] == [
        (409, "subscription_not_changeable"),
        (409, "subscription_transition_refused"),
    ]


def test_a_trial_changes_its_plan_without_an_invoice(story: Story) -> None:
    subscription = story.subscribe("pro")
    story.advance("2026-01-05T00:00:00")

    changed = story.change(subscription, plan="team")

    assert (changed["plan"], changed["status"], story.invoices()) == ("team", "trialing", [])
    story.advance("2026-01-16T00:00:00")
    assert story.invoices()[-1]["subtotal_amount"] == 9900


def test_another_change_takes_the_place_of_one_that_waits_to_be_paid(patient: Story) -> None:
    subscription = patient.subscribe("pro", trial_days=0)
    patient.use_card(DECLINED)
    patient.advance("2026-01-16T00:00:00")
    patient.change(subscription, plan="team")

    changed = patient.change(subscription, quantity=1, plan="pro")
    again = patient.change(subscription, plan="team")

    assert (changed["plan"], changed["pending_change"]) == ("pro", None)
    assert again["pending_change"]["plan"] == "team"
    assert [invoice["status"] for invoice in patient.invoices()] == ["paid", "void", "open"]


def test_a_change_while_another_is_being_paid_is_told_to_wait(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)
    first = story.put(subscription, plan="team")

    second = story.put(subscription, plan="team", quantity=2)

    assert (first.status_code, second.status_code) == (202, 409)
    assert second.json["code"] == "operation_in_progress"
    story.world.work()
    assert story.subscription(subscription["id"])["plan"] == "team"


def test_the_period_ends_while_a_change_waits_to_be_paid(patient: Story) -> None:
    subscription = patient.subscribe("pro", trial_days=0)
    patient.use_card(DECLINED)
    patient.advance("2026-01-31T02:00:00")
    patient.change(subscription, plan="team")

    patient.advance("2026-02-01T00:00:00")

    after = patient.subscription(subscription["id"])
    assert (after["plan"], after["pending_change"]) == ("pro", None)
    assert [invoice["status"] for invoice in patient.invoices()] == ["paid", "void", "open"]


def test_addons_come_and_go_with_their_own_lines(story: Story) -> None:
    """Three packs of seats from the sixteenth on, one of them given back on the twenty-sixth."""
    with catalog_kept(story.world):
        add_addon(story.world)
        subscription = story.subscribe("team", trial_days=0, proration_policy={"granularity": "day"})
        story.advance("2026-01-16T00:00:00")
        story.change(subscription, addons={"seats": 3})
        story.advance("2026-01-26T00:00:00")
        changed = story.change(subscription, addons={"seats": 2}, effective="now")

        assert [(item["plan"], item["quantity"]) for item in changed["items"]] == [("team", 1), ("seats", 2)]
        assert [amounts(invoice["lines"]) for invoice in story.invoices()[1:]] == [
            [("proration_charge", 1548, "16/31 × (3 × 10.00)")],
            [("proration_credit", -581, "-6/16 × 15.48"), ("proration_charge", 387, "6/31 × (2 × 10.00)")],
        ]
        story.advance("2026-02-02T00:00:00")
        assert story.invoices()[-1]["subtotal_amount"] == 9900 + 2000


def test_a_change_whose_invoice_is_voided_by_hand_is_withdrawn(patient: Story) -> None:
    subscription = patient.subscribe("pro", trial_days=0)
    patient.use_card(DECLINED)
    patient.advance("2026-01-16T00:00:00")
    changed = patient.change(subscription, plan="team")

    voided = patient.world.call("POST", f"/invoices/{changed['pending_change']['invoice_id']}/void", {})

    assert voided.status_code == 200, voided.text
    assert patient.subscription(subscription["id"])["pending_change"] is None
