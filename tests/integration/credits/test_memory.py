"""A server that lost its memory serves nothing until it is rebuilt, and is then what the ledger says."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from billing.credits import kept_answers, restore_shards
from billing.credits.deduct import deduct
from billing.credits.inspection import MemoryLost
from billing.credits.rebuild import rebuild, rebuild_if_lost
from billing.credits.restore_shards import RebuildUnderWay
from billing.credits.shards import ALL_SHARDS, Shard
from billing.credits.transfer import sweep_transfers, transfer
from billing.fail_points import FailPointRaised
from billing.hints import Hint
from tests.integration.credits.orders import HOUR, NOW, Customer, drain
from tests.service.world import World


def lived(world: World) -> Customer:
    """Return a customer with some of everything, all of it drained."""
    customer = Customer(world)
    customer.grant(100, lasts=HOUR)
    customer.grant(50)
    customer.deduct(30)
    customer.end(customer.hold(40), 10)
    customer.hold(90)
    drain(world)
    return customer


def rebuilt(world: World) -> None:
    assert rebuild_if_lost(world.runtime, now=lambda: NOW) is not None


def test_a_flushed_server_is_refused_rebuilt_and_equal(opened: World) -> None:
    customer = lived(opened)
    before = customer.account()
    opened.runtime.credits.redis.flushall()
    opened.hints.clear()

    with pytest.raises(MemoryLost):
        customer.deduct(1)
    assert Hint.CREDITS_REBUILD in opened.hints
    answer = opened.call("GET", f"/credits/balance?customer_id={customer.public}")
    assert (answer.status_code, answer.json["code"]) == (503, "credits_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1

    rebuilt(opened)

    assert customer.account() == before
    assert customer.account(at=NOW + HOUR).balance == customer.account(at=NOW + HOUR).grants[0].remaining
    assert customer.deduct(1).balance == before.balance - 1


def test_answers_are_remembered(opened: World) -> None:
    customer = Customer(opened)
    customer.grant(100)
    order = customer.order(30)
    first = deduct(opened.runtime, order, now=NOW)
    drain(opened)
    opened.runtime.credits.redis.flushall()
    rebuilt(opened)

    second = deduct(opened.runtime, order, now=NOW)

    assert second == first._replace(replayed=True)
    assert customer.account().balance == 70


def test_answers_older_than_they_are_kept_are_not(opened: World) -> None:
    customer = Customer(opened)
    customer.grant(100)
    order = customer.order(30)
    deduct(opened.runtime, order, now=NOW)
    drain(opened)
    opened.runtime.credits.redis.flushall()
    late = NOW + timedelta(hours=opened.settings.CREDIT_ANSWERS_KEPT_HOURS, seconds=1)
    rebuild(opened.runtime, now=lambda: late)

    assert not deduct(opened.runtime, order, now=late).replayed


def test_all_answers_of_many_accounts_come_back_in_batches(opened: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore_shards, "_TOGETHER", 2)
    monkeypatch.setattr(kept_answers, "_FETCHED", 3)
    customers = [Customer(opened) for _ in range(8)]
    orders = [customer.order(amount) for customer in customers for amount in (1, 2)]
    for customer in customers:
        customer.grant(100)
    first = [deduct(opened.runtime, order, now=NOW) for order in orders]
    drain(opened)
    before = [customer.account() for customer in customers]
    opened.runtime.credits.redis.flushall()
    heard: list[int] = []
    assert rebuild(opened.runtime, now=lambda: NOW, progress=heard.append).accounts == len(customers)

    assert [customer.account() for customer in customers] == before
    assert [deduct(opened.runtime, order, now=NOW) for order in orders] == [
        one._replace(replayed=True) for one in first
    ]
    assert (len(heard), heard[-1]) == (len(ALL_SHARDS), len(customers))


def test_an_answer_is_kept_as_long_after_a_rebuild_as_it_would_have_been(opened: World) -> None:
    customer = Customer(opened)
    customer.grant(100)
    order = customer.order(30)
    deduct(opened.runtime, order, now=NOW)
    drain(opened)
    opened.runtime.credits.redis.flushall()
    rebuild(opened.runtime, now=lambda: NOW + HOUR)

    left = opened.runtime.credits.redis.pttl(Shard.of(customer.id).answer(customer.id, order.kept.key))

    day = opened.settings.CREDIT_ANSWERS_KEPT_HOURS * HOUR
    assert day - HOUR - timedelta(minutes=1) < timedelta(milliseconds=left) <= day - HOUR


def test_who_is_overtaken_by_another_rebuild_writes_nothing_more(opened: World) -> None:
    customer = lived(opened)
    customer.deduct(5)
    server, shard = opened.runtime.credits.redis, Shard.of(customer.id)
    written = f"credits:{{s{shard.number:02d}}}:a*"

    def overtake(_: int) -> None:
        server.set(shard.epoch, "restoring 99")
        for key in server.scan_iter(match=written):
            server.delete(key)

    with pytest.raises(RebuildUnderWay):
        rebuild(opened.runtime, now=lambda: NOW, progress=overtake)

    assert server.get(shard.epoch) == "restoring 99"
    assert list(server.scan_iter(match=written)) == []


def test_an_operation_that_was_answered_and_not_drained_is_in_the_rebuilt_memory(opened: World) -> None:
    """One shard's mark is gone; the journals are still there."""
    customer = lived(opened)
    customer.deduct(5)
    before = customer.account()
    opened.runtime.credits.redis.delete(Shard.of(customer.id).epoch)

    rebuilt(opened)

    assert customer.account() == before


def test_an_account_that_is_gone_alone_comes_back(opened: World) -> None:
    customer = lived(opened)
    customer.deduct(5)
    before = customer.account()
    opened.runtime.credits.redis.delete(Shard.of(customer.id).account(customer.id))

    assert customer.account() == before


def test_a_server_from_an_older_copy_serves_nothing(opened: World) -> None:
    customer = Customer(opened)
    customer.grant(100)
    drain(opened)
    server = opened.runtime.credits.redis
    copy = {key: (server.dump(key) or b"", max(0, server.pttl(key))) for key in server.keys("credits:*")}
    customer.deduct(60)
    drain(opened)
    server.flushall()
    for key, (value, left) in copy.items():
        server.restore(key, left, value)
    server.script_flush()  # as it is after a restart

    with pytest.raises(MemoryLost):
        customer.deduct(60)
    rebuilt(opened)

    assert customer.account().balance == 40


def test_a_memory_that_is_the_ledgers_is_left_alone(opened: World) -> None:
    lived(opened)
    opened.runtime.credits.redis.script_flush()

    assert rebuild_if_lost(opened.runtime, now=lambda: NOW) is None


@pytest.mark.parametrize(
    "point",
    [
        "credits.rebuild_closed",
        "credits.rebuild_wiped",
        "credits.rebuild_shard_restored",
        "credits.rebuild_answers_restored",
    ],
)
def test_a_rebuild_that_is_cut_off_is_begun_anew(opened: World, fails_at: Callable[[str], None], point: str) -> None:
    customer = lived(opened)
    customer.deduct(5)
    before = customer.account()
    fails_at(point)
    with pytest.raises(FailPointRaised):
        rebuild(opened.runtime, now=lambda: NOW)

    with pytest.raises(MemoryLost):
        customer.deduct(1)
    with pytest.raises(RebuildUnderWay):
        rebuild(opened.runtime, now=lambda: NOW)
    with opened.runtime.transaction() as session:  # the lease of the one that was cut off runs out
        session.connection().exec_driver_sql("UPDATE credit_epoch SET leased_until = now() - interval '1 second'")
    rebuilt(opened)

    assert customer.account() == before


def test_a_transfer_under_way_is_finished_after_a_rebuild(opened: World, fails_at: Callable[[str], None]) -> None:
    sender, receiver = Customer(opened), Customer(opened)
    sender.grant(100)
    fails_at("credits.transfer_held")
    with pytest.raises(FailPointRaised):
        transfer(opened.runtime, sender.order(30), receiver=receiver.id, now=NOW)
    drain(opened)
    opened.runtime.credits.redis.flushall()
    rebuilt(opened)

    assert sweep_transfers(opened.runtime, now=lambda: NOW + HOUR) == 1

    assert (sender.account().balance, sender.account().held, receiver.account().balance) == (70, 0, 30)


def test_a_transfer_that_came_in_days_ago_does_not_come_in_again_after_a_rebuild(
    opened: World, fails_at: Callable[[str], None]
) -> None:
    sender, receiver = Customer(opened), Customer(opened)
    sender.grant(100)
    fails_at("credits.transfer_received")
    with pytest.raises(FailPointRaised):
        transfer(opened.runtime, sender.order(30), receiver=receiver.id, now=NOW)
    drain(opened)
    opened.runtime.credits.redis.flushall()
    later = NOW + timedelta(days=3)
    rebuild(opened.runtime, now=lambda: later)

    assert sweep_transfers(opened.runtime, now=lambda: later) == 1

    assert (sender.account(at=later).balance, sender.account(at=later).held) == (70, 0)
    assert receiver.account(at=later).balance == 30


def test_the_journal_goes_on_behind_what_is_drained_also_when_the_clock_went_back(opened: World) -> None:
    customer = lived(opened)
    with opened.runtime.transaction() as session:
        session.connection().exec_driver_sql("UPDATE credit_journals SET milliseconds = milliseconds + 86400000")
    rebuilt(opened)

    customer.deduct(1)

    assert drain(opened) == 1
    assert len(customer.transactions()) == 7


def test_every_shard_is_marked(opened: World) -> None:
    server = opened.runtime.credits.redis
    assert {server.get(shard.epoch) for shard in ALL_SHARDS} == {"1"}
