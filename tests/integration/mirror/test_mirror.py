"""Stripe's subscriptions are followed here: status, plan, features, credits, and what is told of them."""

from datetime import timedelta
from typing import Any

import pytest

from billing.clock import utc_now
from billing.subscriptions.run_due import run_due
from tests.integration.mirror.stories import AtStripe
from tests.integration.reconciliation.stories import differences, reconcile
from tests.service.world import World


def test_a_subscription_at_stripe_shows_with_its_plan_and_gives_its_features(world: World) -> None:
    story = AtStripe(world)
    sub = story.subscribe(**{"items[0][quantity]": 3, "metadata[team]": "blue"})
    assert story.plan() == "free"

    story.hear_all()

    shown = story.mirrored(sub)
    assert (shown["managed_by"], shown["status"], shown["plan"]) == ("stripe", "active", "pro")
    assert (shown["customer_id"], shown["interval"], shown["currency"]) == (story.customer, "month", "USD")
    assert [(item["quantity"], item["name"]) for item in shown["items"]] == [(3, "A plan at Stripe")]
    assert (shown["metadata"], shown["proration_policy"]) == ({"team": "blue"}, None)
    assert story.plan() == "pro"
    assert world.call("GET", "/health").json["stats"]["active_subscriptions"] == 1
    assert story.told()[:1] == ["subscription.created"]


def test_the_older_of_two_states_never_wins_whatever_comes_first(world: World) -> None:
    story = AtStripe(world)
    sub = story.subscribe()
    team = story.price("team", unit_amount=9900)
    story.change(sub, **{"items[0][id]": story.at_stripe(sub)["items"]["data"][0]["id"], "items[0][price]": team})
    world.gateway_delete(f"subscriptions/{sub}")
    created, *between, deleted = story.events(sub)
    assert (created["type"], deleted["type"]) == ("customer.subscription.created", "customer.subscription.deleted")

    story.hear(deleted)
    ended = story.mirrored(sub)
    story.hear(*between, created)

    assert (ended["status"], ended["plan"]) == ("canceled", "team")
    assert story.mirrored(sub) == ended
    assert story.plan() == "free"
    handled = (
        "SELECT DISTINCT status FROM inbox_events WHERE type LIKE 'customer.subscription.%' OR type = 'invoice.paid'"
    )
    assert world.rows(handled) == [{"status": "processed"}]


def test_a_first_payment_that_fails_gives_nothing_until_it_is_paid(world: World) -> None:
    story = AtStripe(world, card="pm_card_chargeCustomerFail")
    sub = story.subscribe()
    story.hear_all()
    assert (story.mirrored(sub)["status"], story.plan()) == ("incomplete", "free")

    good = story.use_card("pm_card_visa")
    invoice = story.at_stripe(sub)["latest_invoice"]
    world.gateway_post(f"invoices/{invoice}/pay", payment_method=good)
    story.hear(*[event for event in world.events() if event["type"] == "invoice.paid"])

    assert (story.mirrored(sub)["status"], story.plan()) == ("active", "pro")
    assert story.told() == ["subscription.created", "subscription.activated", "subscription.credits_due"]


def test_a_renewal_that_fails_is_past_due_with_grace_then_unpaid_and_comes_back(world: World) -> None:
    story = AtStripe(world)
    sub = story.subscribe()
    story.hear_all()
    story.use_card("pm_card_chargeCustomerFail")

    story.time_passes(sub)
    story.hear(*world.events("invoice.payment_failed"))
    late = story.mirrored(sub)
    assert (late["status"], late["gateway_status"], story.plan()) == ("past_due", "past_due", "pro")
    assert world.call("GET", "/dunning").json["data"] == []  # Stripe's retries, not ours

    story.time_passes(sub, "give_up")
    story.hear_all()
    unpaid = story.mirrored(sub)
    assert (unpaid["status"], unpaid["gateway_status"], story.plan()) == ("past_due", "unpaid", "free")

    invoice = story.at_stripe(sub)["latest_invoice"]
    world.gateway_post(f"invoices/{invoice}/pay", payment_method=story.use_card("pm_card_visa"))
    story.hear_all()
    assert (story.mirrored(sub)["status"], story.plan()) == ("active", "pro")
    assert "subscription.past_due" in story.told()
    assert "subscription.recovered" in story.told()


def test_the_grace_of_what_is_past_due_is_counted_from_its_first_attempt(world: World) -> None:
    story = AtStripe(world)
    sub = story.subscribe()
    story.use_card("pm_card_chargeCustomerFail")
    story.time_passes(sub)
    story.hear_all()
    assert story.plan() == "pro"

    with world.session() as session:
        session.connection().exec_driver_sql(
            "UPDATE mirrored_subscriptions SET past_due_since = past_due_since - interval '3 days'"
        )

    assert story.plan() == "free"


def test_a_trial_reminds_once_and_pauses_without_a_card(world: World) -> None:
    story = AtStripe(world, card=None)
    pauses = {"trial_settings[end_behavior][missing_payment_method]": "pause"}
    sub = story.subscribe(trial_period_days=3, **pauses)
    story.time_passes(sub, "remind_of_trial_end")
    reminder = world.events("customer.subscription.trial_will_end")

    story.hear(*reminder)
    story.hear(*story.events(sub))
    twice = world.call("POST", "/webhooks/replay", {"event_id": reminder[0]["id"]})
    world.work()

    assert twice.status_code == 202
    assert (story.mirrored(sub)["status"], story.plan()) == ("trialing", "pro")
    assert story.told().count("subscription.trial_ending") == 1

    story.time_passes(sub)
    story.hear_all()
    assert (story.mirrored(sub)["status"], story.plan()) == ("paused", "free")
    story.use_card("pm_card_visa")
    world.gateway_post(f"subscriptions/{sub}/resume")
    story.hear_all()
    assert (story.mirrored(sub)["status"], story.plan()) == ("active", "pro")
    assert "subscription.resumed" in story.told()[-2:]  # its credits come with it, unless all was in one second


def test_a_reminder_that_comes_after_the_trial_tells_nobody(world: World) -> None:
    story = AtStripe(world)
    sub = story.subscribe(trial_period_days=3)
    story.time_passes(sub, "remind_of_trial_end")
    story.time_passes(sub)

    story.hear(*world.events("customer.subscription.trial_will_end"))

    assert story.mirrored(sub)["status"] == "active"
    assert "subscription.trial_ending" not in story.told()


def test_a_paid_period_brings_its_credits_once_and_a_year_brings_twelve_months(world: World) -> None:
    world.open_credits()
    story = AtStripe(world)
    sub = story.subscribe()
    story.hear_all()
    for event in story.events(sub):
        world.call("POST", "/webhooks/replay", {"event_id": event["id"]})
    world.work()
    assert world.balance(story.customer) == 1_000

    story.time_passes(sub)
    story.hear_all()
    assert world.balance(story.customer) == 2_000

    yearly = AtStripe(world)
    yearly.subscribe(yearly.price("team", unit_amount=99_000, **{"recurring[interval]": "year"}))
    yearly.hear_all()
    assert world.balance(yearly.customer) == 60_000


@pytest.mark.parametrize("named", [{"lookup_key": "team_yearly_2026"}, {"metadata[billing_plan]": "team"}])
def test_a_price_names_its_plan_by_metadata_or_by_its_lookup_key(world: World, named: dict[str, str]) -> None:
    story = AtStripe(world)
    sub = story.subscribe(story.price(None, **named))

    story.hear_all()

    assert (story.mirrored(sub)["plan"], story.plan()) == ("team", "team")


def test_a_product_names_the_plan_of_its_prices(world: World) -> None:
    story = AtStripe(world)
    price = story.price(None)
    product = world.gateway(f"prices/{price}")["product"]
    world.gateway_post(f"products/{product}", **{"metadata[billing_plan]": "team"})
    sub = story.subscribe(price)

    story.hear_all()

    assert story.mirrored(sub)["plan"] == "team"


def test_an_unknown_price_is_stored_without_a_plan_and_says_what_to_do(world: World) -> None:
    story = AtStripe(world)
    price = story.price(None, **{"recurring[interval]": "month", "recurring[interval_count]": "2"})
    sub = story.subscribe(price)

    story.hear_all()

    shown = story.mirrored(sub)
    assert (shown["status"], shown["plan"], shown["interval"], story.plan()) == ("active", None, None, "free")
    results = [row["result"] for row in world.rows("SELECT result FROM inbox_events WHERE type LIKE '%subscription%'")]
    assert all("no price of it names a plan" in str(result) for result in results)

    world.gateway_post(f"prices/{price}", **{"metadata[billing_plan]": "pro"})
    story.change(sub, description="anything")
    story.hear_all()
    assert (story.mirrored(sub)["plan"], story.plan()) == ("pro", "pro")


def test_a_customer_of_stripes_that_is_none_of_ours_is_stored_and_seen_by_operators_only(world: World) -> None:
    story = AtStripe(world)
    ours, story.gateway_customer = (
        story.gateway_customer,
        str(world.gateway_post("customers", email="x@y.example")["id"]),
    )
    story.use_card("pm_card_visa")
    sub = story.subscribe()

    story.hear_all()

    assert (story.mirrored(sub)["customer_id"], story.plan()) == (None, "free")
    token = world.call(
        "POST", f"/customers/{story.customer}/tokens", {"scopes": ["subscriptions:read"], "expires_in": 600}
    ).json["token"]
    hidden = world.call("GET", f"/subscriptions/{story.mirrored(sub)['id']}", key=token)
    assert (hidden.status_code, world.call("GET", "/subscriptions", key=token).json["data"]) == (404, [])
    assert ours != story.gateway_customer

    world.gateway_post(f"customers/{story.gateway_customer}", **{"metadata[customer_id]": story.customer})
    story.change(sub, description="anything")
    story.hear_all()
    assert (story.mirrored(sub)["customer_id"], story.plan()) == (story.customer, "pro")


def test_what_the_gateway_does_not_have_is_no_dead_event(world: World) -> None:
    event: dict[str, Any] = {
        "id": "evt_gone",
        "object": "event",
        "type": "customer.subscription.updated",
        "livemode": False,
        "data": {"object": {"id": "sub_of_test_data_that_was_deleted"}},
    }
    other = {**event, "id": "evt_manual", "type": "invoice.paid", "data": {"object": {"id": "in_1", "parent": None}}}

    world.deliver(event, other)
    world.work()

    assert {row["status"] for row in world.rows("SELECT status FROM inbox_events")} == {"ignored"}
    assert world.count("mirrored_subscriptions") == 0


def test_invoices_of_an_older_api_version_name_their_subscription_elsewhere(world: World) -> None:
    story = AtStripe(world)
    sub = story.subscribe()
    (paid,) = [event for event in story.events(sub) if event["type"] == "invoice.paid"]
    paid["data"]["object"] = {"id": paid["data"]["object"]["id"], "subscription": sub}

    story.hear(paid)

    assert story.mirrored(sub)["status"] == "active"


def test_our_engine_leaves_it_alone_and_our_routes_refuse_it(world: World) -> None:
    story = AtStripe(world)
    sub = story.subscribe()
    story.hear_all()
    before = story.mirrored(sub)

    done = run_due(world.runtime, at=utc_now() + timedelta(days=400), now=utc_now())
    world.work()

    assert (done, world.count("invoices"), world.count("payments"), world.count("operations")) == (0, 0, 0, 0)
    assert story.mirrored(sub) == before
    for action in ("cancel", "pause", "resume"):
        refused = world.call("POST", f"/subscriptions/{before['id']}/{action}", {})
        assert (refused.status_code, refused.json["code"]) == (409, "subscription_managed_at_stripe")
        assert sub in refused.json["detail"]


def test_who_has_the_plan_at_stripe_does_not_get_it_here_as_well(world: World) -> None:
    story = AtStripe(world)
    sub = story.subscribe()
    story.hear_all()
    wish = {"customer_id": story.customer, "plan": "pro", "trial_days": 0}

    refused = world.call("POST", "/subscriptions", wish)

    assert (refused.status_code, refused.json["code"]) == (409, "already_subscribed")
    assert refused.json["subscription_id"] == story.mirrored(sub)["id"]


def test_who_has_paid_at_stripe_has_no_first_trial_here(world: World) -> None:
    story = AtStripe(world)
    story.subscribe()
    free = AtStripe(world, card=None)
    free.subscribe(free.price("free", unit_amount=0))
    story.hear_all()
    card = story.use_card("pm_card_visa")

    paid = {"customer_id": story.customer, "plan": "team", "payment_method": card}
    first = {"customer_id": free.customer, "plan": "team"}

    assert world.call("POST", "/subscriptions", paid).json["status"] == "incomplete"
    assert world.call("POST", "/subscriptions", first).json["status"] == "trialing"


def test_two_at_stripe_to_one_plan_are_two_and_give_it_once(world: World) -> None:
    story = AtStripe(world)
    first, second = story.subscribe(), story.subscribe()
    story.hear_all()
    assert (story.mirrored(first)["plan"], story.mirrored(second)["plan"], story.plan()) == ("pro", "pro", "pro")

    world.gateway_delete(f"subscriptions/{first}")
    story.hear_all()

    assert (story.mirrored(first)["status"], story.mirrored(second)["status"]) == ("canceled", "active")
    assert story.plan() == "pro"


def test_money_that_stripe_collects_for_itself_does_not_enter_our_books(world: World) -> None:
    story = AtStripe(world)
    sub = story.subscribe()
    story.use_card("pm_card_chargeCustomerFail")
    story.time_passes(sub)

    story.hear_all()

    assert len(world.all_charges()) == 1
    assert (world.count("payments"), world.count("ledger_entries"), world.count("invoices")) == (0, 0, 0)
    assert (
        world.rows("SELECT status FROM inbox_events WHERE type LIKE 'payment_intent.%' AND status <> 'ignored'") == []
    )


def test_reconciliation_takes_payments_of_stripes_billing_for_what_they_are(world: World) -> None:
    story = AtStripe(world)
    story.subscribe()
    story.hear_all()
    ours = world.pay(story.customer, card=story.use_card("pm_card_visa"), off_session=True)
    form = {"customer": story.gateway_customer, "metadata[payment_id]": "pay_lost"}
    lost = world.gateway_post("payment_intents", amount=100, currency="usd", **form)
    world.until(lambda: len(world.gateway("balance_transactions")["data"]) == 2, what="the bookings of two charges")

    run = reconcile(world)

    assert ours["status"] == "succeeded"
    assert [each["gateway_id"] for each in differences(world)] == [lost["id"]]
    assert [(total["transactions"], total["difference"]) for total in run["totals"]] == [(2, 0)]


def test_both_kinds_are_listed_in_one_order_page_by_page(world: World) -> None:
    story = AtStripe(world)
    for plan in ("pro", "team"):
        story.subscribe(story.price(plan))
        story.hear_all()
        wish = {"customer_id": world.customer(), "plan": plan, "trial_days": 5}
        assert world.call("POST", "/subscriptions", wish).status_code == 201

    seen: list[tuple[str, str]] = []
    cursor = ""
    while True:
        page = world.call("GET", f"/subscriptions?limit=1{cursor}").json
        seen += [(each["managed_by"], each["plan"]) for each in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert seen == [("billing", "team"), ("stripe", "team"), ("billing", "pro"), ("stripe", "pro")]
    mine = world.call("GET", f"/subscriptions?customer_id={story.customer}&plan=team&status=active").json["data"]
    assert [(each["managed_by"], each["plan"]) for each in mine] == [("stripe", "team")]
