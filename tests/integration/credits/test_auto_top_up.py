"""Low balances: told once as they fall, and topped up as their customer wishes, never more often than that."""

from datetime import timedelta
from typing import Any

import pytest

from billing.clock import utc_now
from billing.credits.auto_top_up import top_up
from models.ids import row_id
from tests.integration.credits.orders import drain
from tests.service.world import World


def wish(world: World, customer: str, **terms: object) -> dict[str, Any]:
    """Ask for a top-up of 500 below 100, with a card that pays."""
    asked = {"enabled": True, "threshold": 100, "amount": 500, "payment_method": "pm_card_visa", "max_per_day": 2}
    answer = world.call("PUT", f"/customers/{customer}/auto-top-up", asked | terms)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def use(world: World, customer: str, amount: int) -> None:
    """Deduct, and let everything happen that comes of it."""
    body = {"customer_id": customer, "amount": amount, "operation": "ai"}
    assert world.call("POST", "/credits/deduct", body).status_code == 200
    drain(world)
    world.work()
    drain(world)


def told(world: World, type_: str) -> list[dict[str, Any]]:
    return [
        row["payload"] for row in world.rows("SELECT payload FROM outbox_events WHERE type = :t ORDER BY id", t=type_)
    ]


def ask_again(world: World, customer: str) -> None:
    """Deliver the event once more."""
    with world.runtime.transaction() as session:
        top_up(session, customer_id=row_id("cus", customer), settings=world.runtime.settings, now=utc_now())


@pytest.fixture
def customer(opened: World) -> str:
    """A customer who has 150 credits, and Postgres knows it."""
    made = opened.customer_with_credits(150)
    drain(opened)
    return made


def test_a_balance_that_falls_below_is_told_once(opened: World, customer: str) -> None:
    wish(opened, customer, enabled=False)

    use(opened, customer, 50)
    assert told(opened, "credits.low") == []  # 100 is not below 100
    use(opened, customer, 1)
    use(opened, customer, 1)

    (event,) = told(opened, "credits.low")
    assert (event["customer_id"], event["balance"], event["threshold"]) == (customer, 99, 100)
    assert told(opened, "credits.top_up_due") == []
    assert opened.all_charges() == []


def test_what_was_wished_is_bought(opened: World, customer: str) -> None:
    wish(opened, customer)

    use(opened, customer, 60)

    assert opened.balance(customer) == 590
    (bought,) = opened.call("GET", f"/credits/purchases?customer_id={customer}").json["data"]
    assert (bought["status"], bought["amount"]) == ("completed", 500)
    assert opened.call("GET", f"/customers/{customer}/auto-top-up").json["paused_until"] is None


def test_not_more_often_a_day_than_was_wished(opened: World, customer: str) -> None:
    wish(opened, customer, max_per_day=2)
    for _ in range(2):
        use(opened, customer, opened.balance(customer) - 90)
        assert opened.balance(customer) == 590

    use(opened, customer, 500)
    assert opened.balance(customer) == 90
    assert len(opened.all_charges()) == 2
    paused = opened.call("GET", f"/customers/{customer}/auto-top-up").json["paused_until"]
    first = opened.rows("SELECT min(created_at) AS at FROM credit_purchases")[0]["at"]
    assert paused[:19] == (first + timedelta(days=1)).isoformat()[:19]


def test_a_card_that_is_declined_is_not_tried_at_each_use(opened: World, customer: str) -> None:
    wish(opened, customer, payment_method="pm_card_chargeDeclined", max_per_day=10)
    for _ in range(3):
        use(opened, customer, 20)
        ask_again(opened, customer)
    opened.work()

    assert opened.count("credit_purchases") == 1
    wish(opened, customer)  # another card: tried at the next use
    use(opened, customer, 1)
    assert opened.balance(customer) > 500


def test_one_that_is_under_way_is_waited_for(opened: World, customer: str) -> None:
    wish(opened, customer)
    body = {"customer_id": customer, "amount": 60, "operation": "ai"}
    opened.call("POST", "/credits/deduct", body)
    drain(opened)
    for _ in range(3):
        ask_again(opened, customer)

    assert opened.count("credit_purchases") == 1
    opened.work()
    assert opened.balance(customer) == 590


def test_a_wish_that_cannot_work_is_refused(opened: World, customer: str) -> None:
    def ask(**terms: object) -> tuple[int, str]:
        asked = {"enabled": True, "threshold": 100, "amount": 500, **terms}
        answer = opened.call("PUT", f"/customers/{customer}/auto-top-up", asked)
        return answer.status_code, answer.json.get("code", "")

    assert ask() == (422, "auto_top_up_needs_payment_method")
    assert ask(payment_method="pm_card_visa", amount=499) == (422, "credit_purchase_too_small")
    assert ask(enabled=False) == (200, "")
    other = opened.customer()
    answer = opened.call("GET", f"/customers/{other}/auto-top-up")
    assert (answer.status_code, answer.json["code"]) == (404, "auto_top_up_not_set")


def test_without_a_limit_uses_are_counted_and_never_refused(opened: World, customer: str) -> None:
    lifted = opened.call(
        "POST", "/credits/unlimited", {"customer_id": customer, "unlimited": True, "reason": "partner"}
    )
    assert (lifted.status_code, lifted.json["unlimited"], lifted.json["operation"]) == (200, True, "partner")
    use(opened, customer, 1_000)
    account = opened.call("GET", f"/credits/balance?customer_id={customer}").json
    assert (account["balance"], account["unlimited"]) == (150, True)
    assert opened.call("GET", f"/usage?customer_id={customer}").json["data"][0]["amount"] == 1_000

    opened.call("POST", "/credits/unlimited", {"customer_id": customer, "unlimited": False})
    body = {"customer_id": customer, "amount": 151, "operation": "ai"}
    assert opened.call("POST", "/credits/deduct", body).status_code == 402
    types = [row["type"] for row in opened.call("GET", f"/credits/history?customer_id={customer}").json["data"]]
    assert types == ["limit_changed", "deduct", "limit_changed", "grant"]
