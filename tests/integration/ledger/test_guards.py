"""What the database itself refuses of the ledger, whoever writes: each guard is seen to bite."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from billing.clock import utc_now
from billing.ledger.entry import Entry, EntryOutOfBalance, Posting
from billing.ledger.post import post
from models.ids import new_id
from models.ledger import Account, EntryKind
from tests.service.world import World

A = Account


def entry(*lines: tuple[Account, str, int], key: str = "k") -> Entry:
    return Entry(
        key=key,
        kind=EntryKind.GATEWAY_FEE,
        occurred_at=utc_now(),
        postings=tuple(Posting(account=account, asset=asset, amount=amount) for account, asset, amount in lines),
    )


def fee(key: str = "k") -> Entry:
    return entry((A.GATEWAY_FEES, "USD", 5), (A.GATEWAY_CLEARING, "USD", -5), key=key)


def write(session: Session, entry: Entry, *, lines: int | None = None) -> None:
    """Write an entry past the posting function, each row by a statement of its own."""
    session.execute(
        text(
            "INSERT INTO ledger_entries (id, key, kind, occurred_at, recorded_at, lines)"
            " VALUES (:id, :key, 'gateway_fee', now(), now(), :lines)"
        ),
        {"id": entry.id, "key": entry.key, "lines": lines or len(entry.postings)},
    )
    for number, posting in enumerate(entry.postings, start=1):
        add_line(session, entry, posting, number=number)


def add_line(session: Session, entry: Entry, posting: Posting, *, number: int) -> None:
    session.execute(
        text(
            "INSERT INTO ledger_postings (entry_id, line, account, asset, amount) VALUES (:id, :line, :on, :of, :amount)"
        ),
        {"id": entry.id, "line": number, "on": str(posting.account), "of": posting.asset, "amount": posting.amount},
    )


def committed(world: World, found: Entry) -> Entry:
    with world.session() as session:
        post(session, [found], now=utc_now())
    return found


@pytest.mark.parametrize(
    ("broken", "lines"),
    [
        (entry((A.GATEWAY_FEES, "USD", 5), (A.GATEWAY_CLEARING, "USD", -4)), 2),
        (entry((A.GATEWAY_FEES, "USD", 5), (A.GATEWAY_CLEARING, "EUR", -5)), 2),
        (entry((A.GATEWAY_FEES, "USD", 5), (A.GATEWAY_CLEARING, "USD", -5)), 3),
        (entry((A.GATEWAY_FEES, "USD", 5)), 2),
        (entry(), 2),
    ],
    ids=["unequal", "equal across assets", "a line is missing", "half of it", "no line at all"],
)
def test_what_does_not_balance_is_refused_at_the_commit(world: World, broken: Entry, lines: int) -> None:
    with pytest.raises(DBAPIError, match=f"ledger entry {broken.id}"), world.session() as session:
        write(session, broken, lines=lines)

    assert (world.count("ledger_entries"), world.count("ledger_postings")) == (0, 0)


def test_it_is_only_looked_at_at_the_commit_and_savepoints_change_nothing(world: World) -> None:
    good, dropped, bad = fee("good"), fee("dropped"), entry((A.REVENUE, "USD", 1), (A.DISPUTES, "USD", 1), key="bad")
    with world.session() as session:
        with session.begin_nested():
            write(session, good, lines=2)
        savepoint = session.begin_nested()
        write(session, dropped, lines=7)
        savepoint.rollback()
    assert [row["key"] for row in world.rows("SELECT key FROM ledger_entries")] == ["good"]

    with pytest.raises(DBAPIError, match="does not balance"), world.session() as session, session.begin_nested():
        write(session, bad)


def test_one_line_more_than_an_entry_says_is_refused_at_once(world: World) -> None:
    found = fee()
    with world.session() as session:
        write(session, found)
        with pytest.raises(DBAPIError, match="one more refused"):
            add_line(session, found, found.postings[0], number=3)
        session.rollback()

    assert world.count("ledger_entries") == 0


def test_a_line_that_comes_after_the_commit_is_refused_even_where_it_would_balance(world: World) -> None:
    found = committed(world, fee())

    with pytest.raises(DBAPIError, match="one more refused"), world.session() as session:
        add_line(session, found, found.postings[0], number=3)
    # The numbers that the entry has are taken, and numbers below 1 are none.
    for number in (2, 0):
        with pytest.raises(DBAPIError), world.session() as session:
            add_line(session, found, found.postings[0], number=number)
    with pytest.raises(DBAPIError, match="one more refused"), world.session() as session:
        session.execute(
            text(
                "INSERT INTO ledger_postings (entry_id, line, account, asset, amount)"
                " VALUES (:id, 3, 'revenue', 'USD', 9), (:id, 4, 'refunds', 'USD', -9)"
            ),
            {"id": found.id},
        )
    assert world.count("ledger_postings") == 2


@pytest.mark.parametrize("table", ["ledger_entries", "ledger_postings"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_what_is_written_stays_as_it_is(world: World, table: str, statement: str) -> None:
    committed(world, fee())
    column = "reference" if table == "ledger_entries" else "account"

    with pytest.raises(DBAPIError, match="append-only") as refusal, world.session() as session:
        session.execute(text(statement.format(table, column, column)))

    assert isinstance(refusal.value.orig, psycopg.errors.InsufficientPrivilege)


@pytest.mark.parametrize(
    "lines",
    [
        ((A.CREDITS_SPENT, "USD", 5), (A.GATEWAY_CLEARING, "USD", -5)),
        ((A.REVENUE, "credits", 5), (A.GATEWAY_CLEARING, "credits", -5)),
        ((A.REVENUE, "gold", 5), (A.GATEWAY_CLEARING, "gold", -5)),
        ((A.DEFERRED_REVENUE, "USD", 5), (A.GATEWAY_CLEARING, "USD", -5)),
    ],
    ids=["money on an account of credits", "credits on one of money", "no asset", "nobody's sub-account"],
)
def test_an_account_holds_its_own_assets_and_says_whose_part_it_is(
    world: World, lines: tuple[tuple[Account, str, int], ...]
) -> None:
    with pytest.raises(DBAPIError, match="ck_ledger_postings"), world.session() as session:
        post(session, [entry(*lines)], now=utc_now())


def test_the_same_key_is_posted_once_whole_and_beside_others(world: World) -> None:
    with world.session() as session:
        assert post(session, [fee("a"), fee("b"), fee("a")], now=utc_now()) == 2
        assert post(session, [fee("b")], now=utc_now()) == 0
    with world.session() as session:
        assert post(session, [fee("c"), fee("a"), fee("b")], now=utc_now()) == 1
        assert post(session, [], now=utc_now()) == 0

    assert (world.count("ledger_entries"), world.count("ledger_postings")) == (3, 6)


def test_nothing_is_sent_for_a_batch_that_holds_one_that_does_not_balance(world: World) -> None:
    broken = entry((A.REVENUE, "USD", 1), (A.DISPUTES, "USD", 1), key="broken")
    with world.session() as session, pytest.raises(EntryOutOfBalance, match="broken"):
        post(session, [fee("a"), broken], now=utc_now())

    assert world.count("ledger_entries") == 0


def test_two_who_post_the_same_entries_at_once_post_them_once(world: World) -> None:
    """In opposite orders: the second waits for the first, and never the first for the second."""
    keys = [str(new_id()) for _ in range(200)]
    start = threading.Barrier(2)

    def deliver(order: list[str]) -> int:
        with world.session() as session:
            start.wait(timeout=10)
            return post(session, [fee(key) for key in order], now=utc_now())

    with ThreadPoolExecutor(2) as pool:
        added = list(pool.map(deliver, [keys, keys[::-1]]))

    assert sum(added) == 200
    assert world.count("ledger_postings") == 400
