"""Balances: the roll-up plus the tail is the sum of the postings, whatever is open, committed or rolled up meanwhile."""

from datetime import datetime

import pytest
from sqlalchemy import text

from billing.beat_slots import claim_slot
from billing.clock import utc_now
from billing.ledger import roll_up as roll_up_module
from billing.ledger.balances import account_balances
from billing.ledger.entry import Entry, Posting
from billing.ledger.post import post
from billing.ledger.roll_up import RolledUp, roll_up
from models.ids import new_id
from models.ledger import Account, EntryKind
from tasks.maintenance import SCHEDULE, roll_up_ledger
from tests.integration.ledger.stories import balances
from tests.service.world import World


def sale(amount: int) -> Entry:
    return Entry(
        key=str(new_id()),
        kind=EntryKind.PAYMENT_CAPTURED,
        occurred_at=utc_now(),
        postings=(
            Posting(account=Account.GATEWAY_CLEARING, asset="USD", amount=amount),
            Posting(account=Account.REVENUE, asset="USD", amount=-amount),
        ),
    )


def sell(world: World, *amounts: int) -> None:
    for amount in amounts:
        with world.session() as session:
            post(session, [sale(amount)], now=utc_now())


def roll(world: World) -> RolledUp | None:
    with world.session() as session:
        return roll_up(session)


def roll_all(world: World) -> None:
    """Roll up all that is posted; waits for whoever else has a transaction open, such as the server's own vacuum."""
    newest = world.rows("SELECT max(recorded_in) AS newest FROM ledger_postings")[0]["newest"]

    def reached() -> bool:
        done = roll(world)
        return done is not None and done.up_to > newest

    world.until(reached, what="the end of every transaction before")


def rolled(world: World) -> dict[str, tuple[int, int]]:
    return {
        str(row["account"]): (row["debit"], row["credit"])
        for row in world.rows("SELECT account, debit, credit FROM ledger_totals")
    }


def test_before_anything_is_posted_there_is_nothing(world: World) -> None:
    assert (roll(world), balances(world)) == (None, {})


def test_a_balance_is_the_roll_up_and_the_tail(world: World) -> None:
    sell(world, 100, 20)
    assert rolled(world) == {}
    roll_all(world)
    assert rolled(world) == {"gateway_clearing": (120, 0), "revenue": (0, 120)}

    sell(world, 3)

    assert rolled(world)["revenue"] == (0, 120)
    assert balances(world) == {"gateway_clearing USD": 123, "revenue USD": 123}
    roll_all(world)
    roll_all(world)
    assert rolled(world)["revenue"] == (0, 123)
    assert balances(world) == {"gateway_clearing USD": 123, "revenue USD": 123}


def test_what_an_open_transaction_may_still_add_is_never_rolled_past(world: World) -> None:
    """The one that began first commits last: a roll-up by id, or by time, would lose it."""
    sell(world, 100)
    with world.session() as early:
        post(early, [sale(7)], now=utc_now())
        sell(world, 20)
        world.until(
            lambda: roll(world) and rolled(world).get("revenue") == (0, 100), what="the roll-up up to the open one"
        )
        roll(world)
        assert rolled(world)["revenue"] == (0, 100)
        assert balances(world)["revenue USD"] == 120

    assert balances(world)["revenue USD"] == 127
    roll_all(world)
    assert rolled(world)["revenue"] == (0, 127)
    assert balances(world)["revenue USD"] == 127


def test_what_was_rolled_back_counts_nowhere(world: World) -> None:
    sell(world, 100)
    with world.session() as session:
        savepoint = session.begin_nested()
        post(session, [sale(7)], now=utc_now())
        savepoint.rollback()
        post(session, [sale(1)], now=utc_now())
    roll_all(world)

    assert rolled(world)["revenue"] == (0, 101)
    assert balances(world)["revenue USD"] == 101


def test_a_reader_whose_snapshot_is_older_than_a_roll_up_sees_what_it_saw(world: World) -> None:
    sell(world, 100)
    with world.session() as reader:
        reader.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        before = account_balances(reader, as_of=None)
        sell(world, 5)
        roll_all(world)
        assert account_balances(reader, as_of=None) == before
    assert balances(world)["revenue USD"] == 105


def test_it_goes_on_in_steps(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roll_up_module, "TRANSACTIONS_MAX", 1)
    sell(world, 1, 2, 4)

    steps = []
    for _ in range(20):
        reached = roll(world)
        assert reached is not None
        steps.append(rolled(world)["revenue"][1])
        assert balances(world)["revenue USD"] == 7
        if steps[-1] == 7:
            break

    assert sorted(set(steps)) == [1, 3, 7]


def test_totals_from_another_server_are_left_out_of_account_and_begun_anew(world: World) -> None:
    """A dump that was restored elsewhere: the numbers of database transactions begin anew there."""
    sell(world, 100)
    roll_all(world)
    with world.session() as session:
        session.execute(
            text("UPDATE ledger_totals SET up_to = up_to + 1000000000, debit = debit * 2, credit = credit * 2")
        )
    assert balances(world)["revenue USD"] == 100

    roll_all(world)

    assert rolled(world)["revenue"] == (0, 100)
    assert balances(world)["revenue USD"] == 100


def test_no_two_postings_wait_for_each_other(world: World) -> None:
    """Two open transactions on the same accounts, and a roll-up between them: there is no row that all update."""
    sell(world, 1)
    with world.session() as first, world.session() as second:
        for session in (first, second):
            session.execute(text("SET LOCAL lock_timeout = '1s'"))
        post(first, [sale(2)], now=utc_now())
        post(second, [sale(4)], now=utc_now())
        roll(world)
        post(first, [sale(8)], now=utc_now())

    assert balances(world)["revenue USD"] == 15


def test_the_job_rolls_up_step_by_step_once_in_its_slot(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.base.current_runtime", lambda: world.runtime)
    monkeypatch.setattr(roll_up_module, "TRANSACTIONS_MAX", 1)
    sell(world, 1, 2, 4)

    assert roll_up_ledger().startswith("rolled up to database transaction")
    assert rolled(world)["revenue"] == (0, 7)
    with world.session() as session:  # a second call may fall into the next minute: the slot is what is looked at
        assert not claim_slot(session, job="ledger.roll_up", every=SCHEDULE["ledger.roll_up"], now=slot_of(world))


def slot_of(world: World) -> datetime:
    (row,) = world.rows("SELECT slot FROM beat_slots WHERE job = 'ledger.roll_up'")
    found: datetime = row["slot"]
    return found
