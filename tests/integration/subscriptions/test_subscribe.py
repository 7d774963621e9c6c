"""A customer subscribes: with and without a trial, with a card that is declined, free of charge, by invoice."""

import pytest

from tests.integration.subscriptions.stories import Story
from tests.service.catalog import catalog_kept, change_catalog
from tests.service.world import World


@pytest.fixture
def story(world: World) -> Story:
    world.open_credits()
    return Story(world, begins="2026-12-01T10:00:00")


def test_pro_without_a_trial_is_charged_at_once(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)

    assert subscription["status"] == "active"
    assert subscription["current_period_start"] == "2026-12-01T10:00:00.000Z"
    assert subscription["current_period_end"] == "2027-01-01T10:00:00.000Z"
    (invoice,) = story.invoices()
    assert invoice["id"] == subscription["latest_invoice_id"]
    assert (invoice["number"], invoice["status"], invoice["billing_reason"]) == (
        "TEST-2026-000001",
        "paid",
        "subscription_create",
    )
    assert [(line["kind"], line["description"], line["amount"], line["formula"]) for line in invoice["lines"]] == [
        ("recurring", "Pro", 2900, "29.00")
    ]
    assert (invoice["subtotal_amount"], invoice["tax_amount"], invoice["total_amount"]) == (2900, 580, 3480)
    assert (invoice["amount_due"], invoice["amount_paid"], invoice["amount_remaining"]) == (3480, 3480, 0)
    assert [payment["status"] for payment in invoice["payments"]] == ["succeeded"]
    assert story.books() == {"gateway_clearing": 3480, "revenue": -2900, "tax_payable": -580}


def test_the_first_month_brings_the_plans_credits(story: Story) -> None:
    story.subscribe("pro", trial_days=0)

    assert story.world.balance(story.customer) == 1_000


def test_a_first_paid_subscription_begins_with_the_plans_trial(story: Story) -> None:
    subscription = story.subscribe("pro")

    assert subscription["status"] == "trialing"
    assert subscription["trial_end"] == subscription["current_period_end"] == "2026-12-15T10:00:00.000Z"
    assert story.invoices() == []
    assert story.world.balance(story.customer) == 1_000


def test_a_decline_leaves_it_incomplete_and_its_invoice_open(story: Story) -> None:
    story.use_card("pm_card_chargeCustomerFail")

    subscription = story.subscribe("pro", trial_days=0)

    assert subscription["status"] == "incomplete"
    (invoice,) = story.invoices()
    assert invoice["status"] == "open"
    assert story.cases() == []
    assert story.world.balance(story.customer) == 0


def test_who_waits_hears_of_the_decline(story: Story) -> None:
    body = {"customer_id": story.customer, "plan": "pro", "trial_days": 0, "payment_method": "pm_card_chargeDeclined"}
    accepted = story.world.call("POST", "/subscriptions", body)
    story.world.work()

    error = story.world.operation(accepted.json)["error"]

    assert (error["status"], error["code"]) == (402, "payment_declined")
    assert error["subscription_id"] == accepted.json["id"]
    assert error["invoice_id"] == accepted.json["latest_invoice_id"]


def test_another_card_completes_it(story: Story) -> None:
    story.use_card("pm_card_chargeCustomerFail")
    subscription = story.subscribe("pro", trial_days=0)

    body = {"payment_method": "pm_card_visa"}
    paid = story.world.call("POST", f"/invoices/{subscription['latest_invoice_id']}/pay", body)
    assert paid.status_code == 202, paid.text
    story.world.work()

    assert story.subscription(subscription["id"])["status"] == "active"
    assert [invoice["status"] for invoice in story.invoices()] == ["paid"]
    assert len(story.world.all_charges()) == 1


def test_free_costs_nothing_and_needs_no_card(world: World) -> None:
    world.open_credits()
    story = Story(world, begins="2026-12-01T10:00:00", card=None)

    subscription = story.subscribe("free")

    assert subscription["status"] == "active"
    (invoice,) = story.invoices()
    assert (invoice["status"], invoice["total_amount"], invoice["payments"]) == ("paid", 0, [])
    assert story.books() == {}


def test_a_sent_invoice_begins_it_and_is_due_later(story: Story) -> None:
    subscription = story.subscribe("team", trial_days=0, collection="send_invoice", days_until_due=14)

    assert subscription["status"] == "active"
    (invoice,) = story.invoices()
    assert (invoice["status"], invoice["due_at"]) == ("open", "2026-12-15T10:00:00.000Z")
    assert invoice["payments"] == []


def test_an_anchor_day_makes_the_first_period_a_part(story: Story) -> None:
    subscription = story.subscribe("team", trial_days=0, billing_anchor_day=17, proration_policy={"granularity": "day"})

    assert subscription["current_period_end"] == "2026-12-17T10:00:00.000Z"
    (invoice,) = story.invoices()
    assert [(line["formula"], line["amount"]) for line in invoice["lines"]] == [("16/30 × 99.00", 5280)]


def test_the_same_plan_twice_is_refused(story: Story) -> None:
    subscription = story.subscribe("pro")

    again = story.world.call("POST", "/subscriptions", {"customer_id": story.customer, "plan": "pro"})

    assert again.status_code == 409
    assert (again.json["code"], again.json["subscription_id"]) == ("already_subscribed", subscription["id"])


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"plan": "nothing"}, "plan_not_found"),
        ({"plan": "enterprise"}, "price_not_found"),
        ({"plan": "pro", "currency": "EUR"}, "price_not_found"),
    ],
)
def test_what_cannot_be_subscribed_to(story: Story, fields: dict[str, str], code: str) -> None:
    answer = story.world.call("POST", "/subscriptions", {"customer_id": story.customer, **fields})

    assert answer.json["code"] == code
    assert story.world.count("subscriptions") == 0


def test_the_plans_features_are_the_customers(story: Story) -> None:
    story.subscribe("team")

    entitlements = story.world.call("GET", f"/customers/{story.customer}/entitlements").json

    assert entitlements["plan"] == "team"
    limits = {row["feature"]: row["limit"] for row in entitlements["data"]}
    assert limits["ai_requests"] == 500


def test_a_card_that_asks_for_3d_secure_completes_it_when_the_customer_has_authenticated(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0, payment_method="pm_card_authenticationRequired")
    assert subscription["status"] == "incomplete"
    (invoice,) = story.invoices()
    payment = story.world.payment(invoice["payments"][0]["id"])
    assert payment["status"] == "requires_action"

    story.world.authenticate(payment["gateway_id"])
    story.world.deliver(*story.world.events_about(payment["gateway_id"]))
    story.world.work()

    assert story.subscription(subscription["id"])["status"] == "active"
    assert story.invoices()[0]["status"] == "paid"


def test_who_cancels_before_it_is_paid_owes_nothing(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0, payment_method="pm_card_chargeDeclined")

    canceled = story.act(subscription, "cancel")
    story.world.work()

    assert canceled["status"] == "canceled"
    (invoice,) = story.invoices()
    assert (invoice["status"], invoice["payments"][0]["status"]) == ("void", "canceled")
    assert story.books() == {}


def test_a_price_by_usage_is_not_owed_in_advance(story: Story) -> None:
    story.world.call("POST", "/meters", {"code": "calls", "name": "Calls", "event_type": "call.made"})
    with catalog_kept(story.world):
        change_catalog(
            story.world,
            "INSERT INTO prices (id, version_id, component, interval, currency, scheme, unit_amount, meter, tax_behavior,"
            " created_at) SELECT gen_random_uuid(), version_id, 'calls', 'month', 'USD', 'per_unit', 1, 'calls', 'exclusive',"
            " now()"
            " FROM prices JOIN plan_versions v ON v.id = version_id JOIN plans p ON p.id = v.plan_id"
            " WHERE p.code = 'pro' AND interval = 'month'",
        )
        story.subscribe("pro", trial_days=0)

        assert [line["amount"] for line in story.invoices()[0]["lines"]] == [2900]


def test_a_price_that_includes_tax_is_refused(story: Story) -> None:
    with catalog_kept(story.world):
        change_catalog(story.world, "UPDATE prices SET tax_behavior = 'inclusive'")

        answer = story.world.call("POST", "/subscriptions", {"customer_id": story.customer, "plan": "pro"})

    assert (answer.status_code, answer.json["code"]) == (422, "plan_not_offered")
