"""Who cancels at once with `refund: prorated` gets the unused part of what was really paid back."""

from typing import Any

from tests.integration.app.asking import faults, require_problem
from tests.integration.invoices.by_hand import balance, credit, finalized, uses
from tests.integration.subscriptions.stories import Story


def cancel(story: Story, subscription: dict[str, Any]) -> list[dict[str, Any]]:
    """Cancel now with a refund, let the workers do what follows, and return the credit notes as they are then."""
    canceled = story.act(subscription, "cancel", at="now", refund="prorated")
    assert canceled["status"] == "canceled"
    story.world.work()
    return [story.world.call("GET", f"/credit-notes/{note['id']}").json for note in canceled["credit_notes"]]


def test_half_of_the_period_comes_back_to_the_card_with_its_formula(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)  # from 31 January to 28 February, 28 days
    story.advance("2026-02-14T10:00:00")

    (note,) = cancel(story, subscription)

    assert [(line["amount"], line["formula"]) for line in note["lines"]] == [(1450, "1209600/2419200 × 29.00")]
    assert (note["tax_amount"], uses(note), note["refund"]["status"]) == (290, (0, 0, 1740), "succeeded")
    assert story.books() == {"gateway_clearing": 1740, "revenue": -1450, "tax_payable": -290}


def test_days_are_counted_as_the_subscriptions_policy_says(story: Story) -> None:
    policy = {"granularity": "day", "event_day": "old_plan"}
    subscription = story.subscribe("pro", trial_days=0, proration_policy=policy)
    story.advance("2026-02-14T23:00:00")

    (note,) = cancel(story, subscription)

    assert note["lines"][0]["formula"] == "13/28 × 29.00"
    assert note["subtotal_amount"] == 1346  # 13/28 × 2900 = 1346.43


def test_a_first_period_that_was_a_part_gives_back_by_what_is_left_of_that_part(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0, billing_anchor_day=10, proration_policy={"granularity": "day"})
    assert story.invoices()[0]["lines"][0]["formula"] == "10/31 × 29.00"
    story.advance("2026-02-05T10:00:00")

    (note,) = cancel(story, subscription)

    assert note["lines"][0]["formula"] == "5/10 × 9.35"
    assert note["subtotal_amount"] == 468


def test_what_was_credited_before_is_not_paid_for_any_more(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)
    invoice = story.invoices()[0]
    credit(story, invoice, lines=[{"line_id": invoice["lines"][0]["id"], "amount": 900}])
    story.advance("2026-02-14T10:00:00")

    (note,) = cancel(story, subscription)

    assert [(line["amount"], line["formula"]) for line in note["lines"]] == [(1000, "1209600/2419200 × 20.00")]
    assert uses(note) == (0, 0, 1200)


def test_what_the_balance_paid_goes_back_to_the_balance(story: Story) -> None:
    credit(story, finalized(story, {"amount": 10_000}), amount=12_000)
    subscription = story.subscribe("pro", trial_days=0)
    assert balance(story) == 12_000 - 3480

    (note,) = cancel(story, subscription)

    assert uses(note) == (0, 3480, 0)
    assert balance(story) == 12_000


def test_money_that_was_refunded_already_does_not_come_back_again(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)
    payment = story.invoices()[0]["payments"][0]["id"]
    story.world.call("POST", "/payments/refund", {"payment_id": payment, "amount": 3000})
    story.world.work()

    (note,) = cancel(story, subscription)

    assert uses(note) == (0, 0, 480)


def test_nothing_comes_back_of_a_trial_nor_of_an_invoice_that_is_not_paid(story: Story) -> None:
    trial = story.subscribe("pro")
    assert cancel(story, trial) == []
    sent = story.subscribe("team", trial_days=0, collection="send_invoice")
    assert cancel(story, sent) == []


def test_at_the_periods_end_there_is_nothing_to_refund(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0)
    refused = story.world.call("POST", f"/subscriptions/{subscription['id']}/cancel", {"refund": "prorated"})

    assert faults(require_problem(refused, status=422, code="terms_contradict")) == {("/refund", "not_at_period_end")}
    assert story.act(subscription, "cancel")["credit_notes"] == []
