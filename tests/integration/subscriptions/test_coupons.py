"""Coupons of subscriptions: what they take off, of which invoices, and who may redeem one."""

from collections.abc import Iterator

import pytest

from tests.integration.subscriptions.stories import Story
from tests.service.catalog import catalog_kept, change_catalog
from tests.service.world import World


@pytest.fixture
def story(world: World) -> Iterator[Story]:
    world.open_credits()
    with catalog_kept(world):
        for number, (code, terms) in enumerate(
            {
                "HALF": "50, NULL, NULL, 'forever', NULL, NULL, NULL, true",
                "FIRST": "100, NULL, NULL, 'once', NULL, NULL, NULL, true",
                "QUARTER": "10, NULL, NULL, 'repeating', 3, NULL, NULL, true",
                "FIVE": "NULL, 500, 'USD', 'forever', NULL, NULL, NULL, true",
                "EUROS": "NULL, 500, 'EUR', 'forever', NULL, NULL, NULL, true",
                "ONLYONE": "10, NULL, NULL, 'forever', NULL, 1, NULL, true",
                "OVER": "10, NULL, NULL, 'forever', NULL, NULL, '2025-12-31T00:00:00Z', true",
                "GONE": "10, NULL, NULL, 'forever', NULL, NULL, NULL, false",
            }.items()
        ):
            change_catalog(
                world,
                "INSERT INTO coupons (id, code, name, percent_off, amount_off_minor, currency, duration, duration_months, "
                f"redemptions_max, redeem_by, active, created_at) VALUES ('01a00000-0000-7000-8000-00000000c0{number:02d}', "
                f"'{code}', '{code}', {terms}, now())",
            )
        yield Story(world, begins="2026-01-01T00:00:00")


def discounts(story: Story) -> list[tuple[int, int, int]]:
    return [
        (invoice["subtotal_amount"], invoice["discount_amount"], invoice["total_amount"])
        for invoice in story.invoices()
    ]


def test_one_that_counts_for_ever_comes_off_each_invoice_before_tax(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0, coupon="HALF")

    story.advance("2026-03-02T00:00:00")

    assert discounts(story) == [(2900, 1450, 1740)] * 3
    assert subscription["discount"]["coupon"] == "HALF"


def test_one_that_counts_once_comes_off_the_first_invoice_only(story: Story) -> None:
    story.subscribe("pro", coupon="FIRST")

    story.advance("2026-02-16T00:00:00")

    assert discounts(story) == [(2900, 2900, 0), (2900, 0, 3480)]
    assert [invoice["status"] for invoice in story.invoices()] == ["paid", "paid"]


def test_one_of_three_months_comes_off_three_months(story: Story) -> None:
    story.subscribe("pro", trial_days=0, coupon="QUARTER")

    story.advance("2026-05-02T00:00:00")

    assert [discount for _, discount, _ in discounts(story)] == [290, 290, 290, 0, 0]


def test_unused_time_gives_back_what_was_paid_after_the_discount(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0, coupon="HALF", proration_policy={"granularity": "day"})
    story.advance("2026-01-16T00:00:00")

    preview = story.preview(subscription, plan="team")
    story.change(subscription, plan="team", preview_token=preview["preview_token"])

    assert [(line["amount"], line["discount_amount"], line["formula"]) for line in preview["lines"]] == [
        (-748, 0, "-16/31 × 14.50"),
        (5110, 2555, "16/31 × 99.00"),
    ]
    assert story.lines() == preview["lines"]


def test_an_amount_comes_off_once_a_period_and_not_off_each_change(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0, coupon="FIVE")
    story.advance("2026-01-16T00:00:00")
    story.change(subscription, plan="team")
    story.advance("2026-02-02T00:00:00")

    assert [discount for _, discount, _ in discounts(story)] == [500, 0, 500]


def test_a_coupon_is_taken_away_or_replaced(story: Story) -> None:
    subscription = story.subscribe("pro", trial_days=0, coupon="HALF")

    replaced = story.change(subscription, coupon="FIVE")
    removed = story.change(subscription, coupon=None)

    assert (replaced["discount"]["coupon"], removed["discount"]) == ("FIVE", None)
    story.advance("2026-02-02T00:00:00")
    assert discounts(story)[-1] == (2900, 0, 3480)


@pytest.mark.parametrize("code", ["NOBODY", "GONE", "OVER", "EUROS"])
def test_a_coupon_that_cannot_be_redeemed_is_refused(story: Story, code: str) -> None:
    body = {"customer_id": story.customer, "plan": "pro", "coupon": code}

    refused = story.world.call("POST", "/subscriptions", body)

    assert (refused.status_code, refused.json["code"]) == (422, "coupon_not_redeemable")
    assert refused.json["errors"][0]["pointer"] == "/coupon"
    assert story.world.count("subscriptions") == 0


def test_a_coupon_is_redeemed_as_often_as_there_are(story: Story) -> None:
    story.subscribe("pro", coupon="ONLYONE")

    refused = story.world.call(
        "POST", "/subscriptions", {"customer_id": story.customer, "plan": "team", "coupon": "ONLYONE"}
    )

    assert (refused.status_code, refused.json["code"]) == (422, "coupon_not_redeemable")


def test_a_coupon_that_a_withdrawn_change_took_is_to_be_had_again(story: Story) -> None:
    subscription = story.subscribe("free")
    story.change(subscription, coupon="FIRST")
    story.change(subscription, coupon="HALF")
    story.use_card("pm_card_chargeCustomerFail")
    story.advance("2026-01-16T00:00:00")

    after = story.change(subscription, plan="team")

    assert (after["plan"], after["discount"]["used_by"]) == ("free", None)
