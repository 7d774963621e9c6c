"""Holds: reserved, then taken in part or whole, given back, or over by themselves."""

from datetime import timedelta

import pytest

from billing.credits.answers import CaptureExceedsHold, HoldEnded, HoldNotFound, InsufficientCredits, TooManyHolds
from billing.credits.expire import expire_due
from billing.credits.hold import end_hold
from models.ids import new_id
from tests.integration.credits.orders import HOUR, NOW, Customer, kept
from tests.service.world import World


def test_what_is_held_cannot_be_spent(opened: World) -> None:
    customer = Customer(opened)
    customer.grant(100)

    held = customer.hold(60)

    assert held.answer.balance == 40
    assert (customer.account().balance, customer.account().held) == (40, 60)
    with pytest.raises(InsufficientCredits):
        customer.deduct(41)
    with pytest.raises(InsufficientCredits):
        customer.hold(41)


def test_a_part_is_taken_and_the_rest_comes_back_to_where_it_was(opened: World) -> None:
    customer = Customer(opened)
    soon, late = customer.grant(50, lasts=HOUR), customer.grant(50)
    held = customer.hold(80)

    ended = customer.end(held, 60)

    assert (ended.captured, ended.returned, ended.answer.balance) == (60, 20, 40)
    assert customer.left() == [(late, 40)]
    assert customer.account().held == 0
    assert soon not in dict(customer.left())


def test_all_is_taken_when_nothing_is_said(opened: World) -> None:
    customer = Customer(opened)
    customer.grant(100)

    ended = customer.end(customer.hold(80), None)

    assert (ended.captured, ended.returned, ended.answer.balance) == (80, 0, 20)


def test_what_is_released_comes_back(opened: World) -> None:
    customer = Customer(opened)
    grant = customer.grant(80)

    ended = customer.end(customer.hold(80), 0)

    assert (ended.captured, ended.returned, ended.answer.balance) == (0, 80, 80)
    assert customer.left() == [(grant, 80)]
    assert [row["type"] for row in customer.transactions()] == ["grant", "hold", "release"]


def test_more_than_is_held_is_not_taken(opened: World) -> None:
    customer = Customer(opened)
    customer.grant(100)
    held = customer.hold(10)

    with pytest.raises(CaptureExceedsHold):
        customer.end(held, 11)

    assert customer.account().held == 10


def test_a_hold_ends_once(opened: World) -> None:
    customer = Customer(opened)
    customer.grant(100)
    held = customer.hold(10)
    customer.end(held, 5)

    for amount in (None, 0):
        with pytest.raises(HoldEnded):
            customer.end(held, amount)

    assert customer.account().balance == 95


def test_the_same_key_ends_it_with_the_same_answer(opened: World) -> None:
    customer = Customer(opened)
    customer.grant(100)
    held, key = customer.hold(10), kept()
    first, second = (
        end_hold(opened.runtime, hold_id=held.hold_id, amount=4, own=None, actor="k", kept=key, now=NOW) for _ in "12"
    )

    assert (second.captured, second.returned, second.answer.balance) == (4, 6, 96)
    assert second.answer.id == first.answer.id
    assert second.answer.replayed


def test_a_hold_that_nobody_ends_is_over_by_itself(opened: World) -> None:
    customer = Customer(opened)
    customer.grant(100)
    held = customer.hold(60, lasts=HOUR)

    assert customer.account(at=NOW + HOUR - timedelta(milliseconds=1)).balance == 40
    assert customer.account(at=NOW + HOUR).balance == 100
    assert customer.deduct(90, at=NOW + HOUR).balance == 10
    with pytest.raises(HoldEnded):
        customer.end(held, 1, at=NOW + HOUR)


def test_what_comes_back_to_a_grant_that_has_ended_is_gone(opened: World) -> None:
    customer = Customer(opened)
    customer.grant(10, lasts=HOUR)
    customer.grant(5)
    held = customer.hold(12, lasts=3 * HOUR)

    ended = customer.end(held, 4, at=NOW + 2 * HOUR)

    assert (ended.returned, ended.answer.balance) == (8, 5)
    assert customer.account(at=NOW + 2 * HOUR).balance == 5
    assert [(row["type"], row["amount"]) for row in customer.transactions()][-2:] == [
        ("capture", 4),
        ("grant_expired", 6),
    ]


def test_what_is_due_ends_though_nobody_asks(opened: World) -> None:
    customer, idle = Customer(opened), Customer(opened)
    customer.grant(10, lasts=HOUR)
    customer.grant(20, lasts=3 * HOUR)
    idle.grant(10)
    customer.hold(15, lasts=2 * HOUR)

    assert expire_due(opened.runtime, now=lambda: NOW + 2 * HOUR) == 1
    assert expire_due(opened.runtime, now=lambda: NOW + 2 * HOUR) == 0

    assert [(row["type"], row["amount"], row["balance"]) for row in customer.transactions()][3:] == [
        ("hold_expired", 15, 30),
        ("grant_expired", 10, 20),
    ]
    assert opened.rows("SELECT status, captured FROM credit_holds") == [{"status": "expired", "captured": 0}]


def test_holds_have_a_limit(opened: World) -> None:
    customer = Customer(opened)
    customer.grant(2_000)
    for _ in range(1_000):
        customer.hold(1)

    with pytest.raises(TooManyHolds):
        customer.hold(1)


def test_nobodys_hold_is_not_found(opened: World) -> None:
    with pytest.raises(HoldNotFound):
        end_hold(opened.runtime, hold_id=new_id(), amount=None, own=None, actor="k", kept=kept(), now=NOW)
    for hold in ("hold_01h455vb4pex5vsknk084sn02q", "nothing"):
        assert opened.call("POST", f"/credits/holds/{hold}/capture", {}).json["code"] == "hold_not_found"


def test_through_the_api(opened: World) -> None:
    customer = opened.customer_with_credits(100)
    made = opened.call(
        "POST", "/credits/holds", {"customer_id": customer, "amount": 60, "operation": "render", "expires_in": 60}
    )
    assert (made.status_code, made.json["balance"]) == (201, 40)

    captured = opened.call("POST", f"/credits/holds/{made.json['hold_id']}/capture", {"amount": 50})
    over = opened.call("POST", f"/credits/holds/{made.json['hold_id']}/release", {})

    assert (captured.json["captured"], captured.json["returned"], captured.json["balance"]) == (50, 10, 50)
    assert (over.status_code, over.json["code"]) == (409, "hold_ended")
