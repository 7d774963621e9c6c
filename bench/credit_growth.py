"""How credits grow: deductions among ten thousand accounts and a million, bytes an account, and one hot account."""

import itertools
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from uuid import UUID

import psycopg

from bench.figures import Figure, compared, in_turns, measured
from bench.rig import Rig
from billing.clock import utc_now
from billing.credits.answers import CreditOrder, KeptAs
from billing.credits.deduct import deduct
from billing.credits.rebuild import rebuild
from billing.runtime import Runtime, make_runtime
from local.valkey import ValkeyServer
from tests.service.servers import PASSWORD

NAME = "credit_growth"
_SMALL, _LARGE = 10_000, 1_000_000
_TURNS = 5
_DEDUCTIONS = 1_500
_GOAL_FLAT = 0.9
# Customers, their accounts, and one grant each; ids in order, so that the tables are filled as fast as can be.
_FILL = """
    WITH made AS (
        SELECT ('019ab000-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid AS id
        FROM generate_series(1, %(accounts)s) AS number
    ), customers AS (
        INSERT INTO customers (id, email, metadata, created_at, updated_at)
        SELECT id, id || '@example.com', '{}', now(), now() FROM made RETURNING id
    ), accounts AS (
        INSERT INTO credit_accounts (customer_id, shard, seq, balance, held, debt)
        SELECT id, ('x' || right(id::text, 8))::bit(32)::bigint %% 64, %(entries)s, 1000000, 0, 0 FROM customers
    )
    INSERT INTO credit_grants (id, customer_id, kind, amount, remaining, priority, created_at)
    SELECT id, id, 'promotion', 1000000, 1000000, 10, now() FROM customers
"""
_FILL_TRANSACTIONS = """
    INSERT INTO credit_transactions (id, customer_id, seq, type, amount, balance, held, debt, operation, metadata, actor, changes,
        paid, key, request, created_at)
    SELECT uuidv7(made.at - clock_timestamp()), made.customer_id, number, 'deduct', 1, 1000000, 0, 0, 'ai.generate', '{}',
        'key_bench', jsonb_build_object(made.customer_id, -1), jsonb_build_object(made.customer_id, 1),
        md5(made.customer_id || ':' || number), repeat('0', 64), made.at
    FROM (
        SELECT a.customer_id, number, date_trunc('milliseconds', now()) - CASE
            WHEN number > 0.9 * %(entries)s THEN interval '1 day' * (%(entries)s - number) / (0.1 * %(entries)s)
            ELSE interval '1 day' + interval '29 days' * (0.9 * %(entries)s - number) / (0.9 * %(entries)s) END AS at
        FROM generate_series(1, %(entries)s) AS number CROSS JOIN credit_accounts a
    ) AS made
"""


def measure(rig: Rig) -> Iterator[Figure]:
    """Yield what a hundred times the accounts cost, bytes an account, and one hot account's rate."""
    with filled(rig, "few", accounts=_SMALL) as few, filled(rig, "many", accounts=_LARGE) as many:
        seconds = seconds_to_rebuild(few), seconds_to_rebuild(many)
        yield measured("credit_rebuild_a_million", unit="s", ours=[seconds[1]], note=f"{_LARGE:,} accounts, no answers")
        yield measured(
            "credit_bytes_per_account",
            unit="bytes",
            ours=[_memory(many) / _LARGE],
            note="of the server's memory, an account with one grant",
        )
        small, large = in_turns(_TURNS, partial(_deductions, few, _SMALL), partial(_deductions, many, _LARGE))
        note = f"among {_LARGE:,} accounts beside {_SMALL:,}"
        yield compared("credit_deduct_growth", unit="deductions/s", ours=large, floor=small, goal=_GOAL_FLAT, note=note)
        spread, hot = in_turns(_TURNS, partial(_deductions, few, _SMALL), partial(_deductions, few, 1))
        note = "all on one account, beside all accounts"
        yield compared("credit_deduct_hot_account", unit="deductions/s", ours=hot, floor=spread, goal=None, note=note)


@contextmanager
def filled(rig: Rig, name: str, *, accounts: int, entries: int = 0) -> Iterator[Runtime]:
    """Return a runtime on a database with so many accounts, each of so many transactions, and an empty server of its own."""
    other = rig.with_database(f"bench_credits_{name}")
    with psycopg.connect(other.database_url, autocommit=True) as connection:
        connection.execute(_FILL, {"accounts": accounts, "entries": entries})
        if entries:
            connection.execute(_FILL_TRANSACTIONS, {"entries": entries})
        connection.execute("VACUUM ANALYZE")
    server = ValkeyServer(data_dir=rig.directory / f"credits-{name}", password=PASSWORD, fsync="always", name="credits")
    server.launch()
    try:
        server.wait_until_ready()
        settings = other.servers.settings(DATABASE_URL=other.database_url, REDIS_CREDITS_URL=server.url())
        runtime = make_runtime(settings, send_hint=lambda _: None)
        try:
            yield runtime
        finally:
            runtime.close()
    finally:
        server.stop()


def seconds_to_rebuild(runtime: Runtime) -> float:
    """Return how long a rebuild takes."""
    began = time.perf_counter()
    rebuild(runtime, now=utc_now)
    return time.perf_counter() - began


def _memory(runtime: Runtime) -> int:
    return int(runtime.credits.redis.info("memory")["used_memory_dataset"])


_numbers = itertools.count(1)


def _deductions(runtime: Runtime, accounts: int) -> float:
    """Return deductions a second, each of an account drawn by lot, on one connection."""
    drawn = random.Random(accounts)
    orders = [_order(1 + drawn.randrange(accounts)) for _ in range(_DEDUCTIONS)]
    began = time.perf_counter()
    for order in orders:
        deduct(runtime, order, now=utc_now())
    return _DEDUCTIONS / (time.perf_counter() - began)


def _order(account: int) -> CreditOrder:
    number = next(_numbers)
    customer = UUID(f"019ab000-0000-7000-8000-{account:012x}")
    return CreditOrder(customer, 1, "ai.generate", {}, "key_bench", KeptAs(f"{number:032x}", f"{number:064x}"))
