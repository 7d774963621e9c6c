"""The journal's drain: each entry once, whoever dies where, and a missing one noticed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from billing.clock import utc_now
from billing.credits import drain as module
from billing.credits.drain import drain_journals
from billing.credits.rebuild import rebuild
from billing.credits.shards import Shard
from billing.fail_points import FailPointRaised
from tests.integration.credits.orders import NOW, Customer, drain
from tests.service.world import World


def test_what_was_done_is_in_the_ledger_and_no_longer_in_the_journal(opened: World) -> None:
    customer = Customer(opened)
    customer.grant(100)
    answer = customer.deduct(30)
    journal = Shard.of(customer.id).journal
    assert opened.runtime.credits.redis.xlen(journal) == 2

    assert drain(opened) == 2

    assert opened.runtime.credits.redis.xlen(journal) == 0
    assert customer.transactions()[-1]["id"] == answer.id
    (account,) = opened.rows("SELECT seq, balance, held, debt FROM credit_accounts")
    assert account == {"seq": 2, "balance": 70, "held": 0, "debt": 0}
    assert opened.rows("SELECT amount, remaining FROM credit_grants") == [{"amount": 100, "remaining": 70}]


@pytest.mark.parametrize("point", ["credits.before_drain_commit", "credits.after_drain_commit"])
def test_whoever_is_cut_off_nothing_is_lost_and_nothing_is_twice(
    opened: World, fails_at: Callable[[str], None], point: str
) -> None:
    customer = Customer(opened)
    customer.grant(100)
    customer.deduct(30)
    fails_at(point)
    with pytest.raises(FailPointRaised):
        drain(opened)
    customer.deduct(20)

    drain(opened)

    assert [row["seq"] for row in customer.transactions()] == [1, 2, 3]
    assert opened.rows("SELECT remaining FROM credit_grants") == [{"remaining": 50}]
    assert opened.rows("SELECT amount, count FROM credit_usage") == [{"amount": 50, "count": 2}]


def test_what_another_has_drained_meanwhile_is_left(opened: World, monkeypatch: pytest.MonkeyPatch) -> None:
    customer = Customer(opened)
    customer.grant(100)
    read = module._read

    def read_and_be_overtaken(*arguments: Any) -> Any:
        found = read(*arguments)
        monkeypatch.setattr(module, "_read", read)
        assert drain(opened) == 1
        return found

    monkeypatch.setattr(module, "_read", read_and_be_overtaken)

    assert drain_journals(opened.runtime, now=lambda: NOW) == 0

    assert opened.count("credit_transactions") == 1


def test_who_needs_all_of_it_goes_on_where_another_wrote_what_was_read(
    opened: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rebuild that stopped here would wipe the entries behind those that the other wrote."""
    customer = Customer(opened)
    customer.grant(2_000)
    for _ in range(1_100):
        customer.deduct(1)
    read = module._read

    def read_and_be_overtaken(*arguments: Any) -> Any:
        found = read(*arguments)
        monkeypatch.setattr(module, "_read", read)
        assert drain_journals(opened.runtime, now=lambda: NOW) == 1_000
        return found

    monkeypatch.setattr(module, "_read", read_and_be_overtaken)

    rebuild(opened.runtime, now=lambda: NOW)

    assert customer.account().balance == 900
    assert opened.count("credit_transactions") == 1_101


def test_a_missing_entry_is_noticed(opened: World) -> None:
    customer = Customer(opened)
    customer.grant(100)
    customer.deduct(1)
    customer.deduct(1)
    server, journal = opened.runtime.credits.redis, Shard.of(customer.id).journal
    second = [id_ for id_, _ in server.xrange(journal) or []][1]
    server.xdel(journal, str(second))

    drain(opened)

    assert opened.rows("SELECT after_seq, found_seq FROM credit_gaps") == [{"after_seq": 1, "found_seq": 3}]
    assert opened.rows("SELECT seq, balance FROM credit_accounts") == [{"seq": 3, "balance": 98}]


def test_more_than_one_read_takes_is_drained_in_rounds(opened: World) -> None:
    customer = Customer(opened)
    customer.grant(2_000)
    for _ in range(1_200):
        customer.deduct(1)

    assert drain_journals(opened.runtime, now=lambda: NOW) == 1_000
    assert drain(opened) == 201

    assert opened.rows("SELECT balance FROM credit_accounts") == [{"balance": 800}]


def test_usage_adds_up_by_day_operation_and_project(opened: World) -> None:
    customer, other = opened.customer_with_credits(100), opened.customer_with_credits(100)
    for whose, amount, operation, metadata in (
        (customer, 1, "a", {}),
        (customer, 2, "a", {"projectId": "p"}),
        (customer, 3, "a", {"projectId": "p"}),
        (customer, 4, "b", {}),
        (other, 50, "a", {}),
    ):
        body = {"customer_id": whose, "amount": amount, "operation": operation, "metadata": metadata}
        assert opened.call("POST", "/credits/deduct", body).status_code == 200

    def by(group: str, more: str = "") -> list[dict[str, object]]:
        answer = opened.call("GET", f"/usage?customer_id={customer}&group_by={group}{more}")
        assert answer.status_code == 200, answer.text
        return list(answer.json["data"])

    today = utc_now().date()
    assert by("operation") == [
        {"operation": "a", "amount": 6, "count": 3},
        {"operation": "b", "amount": 4, "count": 1},
    ]
    assert by("project") == [{"project": "", "amount": 5, "count": 2}, {"project": "p", "amount": 5, "count": 2}]
    assert by("day") == [{"day": str(today), "amount": 10, "count": 4}]
    assert by("day", f"&from={today + timedelta(days=1)}") == by("day", f"&to={today}") == []
    everybody = opened.call("GET", "/usage?group_by=operation").json["data"]
    assert {row["operation"] for row in everybody} >= {"a"}
