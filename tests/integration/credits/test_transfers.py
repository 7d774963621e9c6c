"""Transfers: whatever stops one halfway, the credits arrive once or are back, and meanwhile can be seen."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from billing.credits.answers import CreditLimitExceeded, CreditOrder, InsufficientCredits
from billing.credits.shards import shard_of
from billing.credits.transfer import TransferToSelf, sweep_transfers, transfer
from billing.fail_points import FailPointRaised
from tests.integration.credits.orders import HOUR, NOW, Customer
from tests.service.world import World

LATER = NOW + timedelta(minutes=1)


def send(sender: Customer, receiver: Customer, amount: int, *, order: CreditOrder | None = None) -> int:
    """Return the sender's balance after it."""
    sent = order or sender.order(amount, "transfer")
    return transfer(sender.world.runtime, sent, receiver=receiver.id, now=NOW).balance


def pair(world: World, *, same_shard: bool) -> tuple[Customer, Customer]:
    """Return two customers whose credits are in one shard, or in two."""
    one = Customer(world)
    for _ in range(1_000):
        other = Customer(world)
        if (shard_of(one.id) == shard_of(other.id)) is same_shard:
            return one, other
    raise AssertionError("no such pair")


@pytest.mark.parametrize("same_shard", [True, False])
def test_what_is_sent_arrives(opened: World, *, same_shard: bool) -> None:
    sender, receiver = pair(opened, same_shard=same_shard)
    sender.grant(100)

    assert send(sender, receiver, 30) == 70

    assert (sender.account().balance, sender.account().held, receiver.account().balance) == (70, 0, 30)
    assert [row["type"] for row in sender.transactions()] == ["grant", "transfer_hold", "transfer_out"]
    assert [row["type"] for row in receiver.transactions()] == ["transfer_in"]


def test_each_part_keeps_its_expiry_and_priority(opened: World) -> None:
    sender, receiver = Customer(opened), Customer(opened)
    sender.grant(10, lasts=HOUR, priority=3)
    sender.grant(10, lasts=2 * HOUR, priority=4)

    send(sender, receiver, 15)

    assert [(grant.remaining, grant.expires_at, grant.priority) for grant in receiver.account().grants] == [
        (10, NOW + HOUR, 3),
        (5, NOW + 2 * HOUR, 4),
    ]
    assert receiver.account(at=NOW + HOUR).balance == 5


def test_more_than_there_is_is_not_sent(opened: World) -> None:
    sender, receiver = Customer(opened), Customer(opened)
    sender.grant(10)

    with pytest.raises(InsufficientCredits):
        send(sender, receiver, 11)

    assert (sender.account().balance, receiver.account().balance) == (10, 0)


def test_nobody_sends_to_itself(opened: World) -> None:
    sender = Customer(opened)
    sender.grant(10)

    with pytest.raises(TransferToSelf):
        send(sender, sender, 5)


def test_a_receiver_who_would_have_too_much_gets_nothing_and_the_sender_all_back(opened: World) -> None:
    sender, receiver = Customer(opened), Customer(opened)
    sender.grant(100)
    receiver.grant(opened.settings.MAX_CREDIT_BALANCE - 10)
    order = sender.order(11, "transfer")

    for _ in range(2):  # under the same key, again
        with pytest.raises(CreditLimitExceeded):
            send(sender, receiver, 11, order=order)

    assert (sender.account().balance, sender.account().held) == (100, 0)
    assert receiver.account().balance == opened.settings.MAX_CREDIT_BALANCE - 10
    assert [row["type"] for row in sender.transactions()] == ["grant", "transfer_hold", "transfer_refused"]


def test_the_same_key_sends_once(opened: World) -> None:
    sender, receiver = Customer(opened), Customer(opened)
    sender.grant(100)
    order = sender.order(30, "transfer")

    assert send(sender, receiver, 30, order=order) == send(sender, receiver, 30, order=order) == 70

    assert (sender.account().balance, receiver.account().balance) == (70, 30)


@pytest.mark.parametrize("point", ["credits.transfer_held", "credits.transfer_received"])
@pytest.mark.parametrize("who", ["sweep", "client"])
def test_who_comes_later_finishes_it(opened: World, fails_at: Callable[[str], None], point: str, who: str) -> None:
    sender, receiver = Customer(opened), Customer(opened)
    sender.grant(100)
    order = sender.order(30, "transfer")
    fails_at(point)
    with pytest.raises(FailPointRaised):
        send(sender, receiver, 30, order=order)
    assert (sender.account().balance, sender.account().held) == (70, 30)

    if who == "sweep":
        assert sweep_transfers(opened.runtime, now=lambda: LATER) == 1
    else:
        assert send(sender, receiver, 30, order=order) == 70

    assert sweep_transfers(opened.runtime, now=lambda: LATER) == 0
    assert (sender.account().balance, sender.account().held, receiver.account().balance) == (70, 0, 30)
    assert [row["type"] for row in receiver.transactions()] == ["transfer_in"]


def test_one_that_has_just_begun_is_left_to_who_began_it(opened: World, fails_at: Callable[[str], None]) -> None:
    sender, receiver = Customer(opened), Customer(opened)
    sender.grant(100)
    fails_at("credits.transfer_held")
    with pytest.raises(FailPointRaised):
        send(sender, receiver, 30)

    assert sweep_transfers(opened.runtime, now=lambda: NOW + timedelta(seconds=1)) == 0


def test_one_that_is_too_old_is_left_to_a_person(opened: World, fails_at: Callable[[str], None]) -> None:
    sender, receiver = Customer(opened), Customer(opened)
    sender.grant(100)
    fails_at("credits.transfer_held")
    with pytest.raises(FailPointRaised):
        send(sender, receiver, 30)

    assert sweep_transfers(opened.runtime, now=lambda: NOW + timedelta(days=21)) == 0

    assert sender.account().held == 30


def test_a_debt_is_paid_from_what_arrives(opened: World) -> None:
    sender, receiver = Customer(opened), Customer(opened)
    sender.grant(100)
    receiver.revoke(receiver.grant(20), 20)  # all of it is there
    receiver.revoke(receiver.grant(20), 35)  # and now 15 more than there is

    send(sender, receiver, 40)

    assert (receiver.account().balance, receiver.account().debt) == (25, 0)


def test_through_the_api(opened: World) -> None:
    sender, receiver = opened.customer_with_credits(100), opened.customer_with_credits(1)

    answer = opened.call(
        "POST", "/credits/transfer", {"from_customer_id": sender, "to_customer_id": receiver, "amount": 40}
    )

    assert (answer.status_code, answer.json["operation"], answer.json["balance"]) == (200, "transfer", 60)
    assert opened.balance(receiver) == 41
