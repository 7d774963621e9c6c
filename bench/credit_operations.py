"""Credits: deductions over HTTP, in process and in batches, beside scripts that only do arithmetic; and the journal's drain.

The credits server of these figures is one of its own, with `appendfsync always` for both sides.
"""

import itertools
import json
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import psycopg

from bench import floor_credits, floor_drain
from bench.figures import Figure, Spread, compared, in_turns, measured, percentile
from bench.http_load import raw_request, run_load
from bench.rig import Rig
from billing.clock import utc_now
from billing.credits.answers import CreditOrder, KeptAs
from billing.credits.deduct import deduct, deduct_each
from billing.credits.drain import drain_journals
from billing.credits.grant import GrantTerms, grant
from billing.credits.rebuild import rebuild
from billing.runtime import Runtime, make_runtime
from local.valkey import ValkeyServer
from models.credits import GrantKind
from models.ids import new_id, public_id
from tests.service.servers import PASSWORD

NAME = "credits"
_CUSTOMERS = 1_000
_CONNECTIONS = 8
_TURNS = 5
_TURN_SECONDS = 2.0
_STEADY_SECONDS = 6.0
_PREPARED = 12_000
_IN_PROCESS = 2_000
_BATCH = 500
_BATCHES = 10
_DRAINED = 20_000
_ADD_CUSTOMERS = """
    INSERT INTO customers (id, email, metadata, created_at, updated_at)
    SELECT id, id || '@example.com', '{}', now(), now() FROM unnest(%(ids)s::uuid[]) AS new (id)
"""


@dataclass(frozen=True)
class Bench:
    """A rig with a credits server of its own, and customers who never run out."""

    rig: Rig
    server: ValkeyServer
    runtime: Runtime
    customers: list[UUID]
    numbers: Iterator[int]

    @classmethod
    @contextmanager
    def open(cls, rig: Rig) -> "Iterator[Bench]":
        """Start the server, open it, and grant each customer more than all turns take."""
        server = ValkeyServer(data_dir=rig.directory / "credits", password=PASSWORD, fsync="always", name="credits")
        server.launch()
        server.wait_until_ready()
        settings = rig.servers.settings(DATABASE_URL=rig.database_url, REDIS_CREDITS_URL=server.url())
        runtime = make_runtime(settings, send_hint=lambda _: None)
        bench = cls(rig, server, runtime, [new_id() for _ in range(_CUSTOMERS)], itertools.count(1))
        try:
            rig.sql(_ADD_CUSTOMERS, {"ids": bench.customers})
            rebuild(runtime, now=utc_now)
            for customer in bench.customers:
                terms = GrantTerms(new_id(), GrantKind.PROMOTION, 10, None, None)
                grant(runtime, bench.order(customer, 10**9), terms, balance_max=None, now=utc_now())
            names = [name for customer in bench.customers for name in (str(customer), public_id("cus", customer))]
            floor_credits.open_accounts(runtime.credits.redis, names)
            yield bench
        finally:
            runtime.close()
            server.stop()

    def order(self, customer: UUID, amount: int = 1) -> CreditOrder:
        """Return an order under a key of its own."""
        number = next(self.numbers)
        return CreditOrder(customer, amount, "ai.generate", {}, "key_bench", KeptAs(f"{number:032x}", f"{number:064x}"))

    def orders(self, count: int) -> list[CreditOrder]:
        """Return orders of many customers in turn."""
        return [self.order(self.customers[place % _CUSTOMERS]) for place in range(count)]

    def requests(self, api_key: str, *, count: int) -> Iterator[bytes]:
        """Return an iterator over `count` requests, all made before the first is sent."""
        made = []
        for place in range(count):
            customer = public_id("cus", self.customers[place % _CUSTOMERS])
            body = {"customer_id": customer, "amount": 1, "operation": "ai.generate"}
            headers = {
                "Authorization": f"Bearer {api_key}",
                "Content-Type": "application/json",
                "Idempotency-Key": f"bench-{next(self.numbers)}",
            }
            made.append(raw_request("POST", "/credits/deduct", headers=headers, body=json.dumps(body).encode()))
        return iter(made)


def measure(rig: Rig) -> Iterator[Figure]:
    """Yield deductions a second in three ways, and journal entries a second."""
    with Bench.open(rig) as bench:
        over_http = yield from _over_http(bench)
        yield from _in_process(bench)
        yield from _in_batches(bench)
        yield from _drain(bench, over_http=over_http)


def _over_http(bench: Bench) -> Generator[Figure, None, float]:
    rig, url = bench.rig, bench.server.url()
    api_key = rig.api_key()
    with (
        rig.web("floor", "-m", "bench.floor_app", REDIS_CREDITS_URL=url) as floor_port,
        rig.api(REDIS_CREDITS_URL=url) as port,
    ):

        def turn(at: int) -> float:
            requests = bench.requests(api_key, count=_PREPARED)
            return run_load(port=at, requests=requests, connections=_CONNECTIONS, seconds=_TURN_SECONDS).per_second

        turn(port)
        turn(floor_port)
        ours, floor = in_turns(_TURNS, lambda: turn(port), lambda: turn(floor_port))
        note = "floor: bare Flask view with one EVALSHA, same server"
        yield compared("credit_deduct_http", unit="deductions/s", ours=ours, floor=floor, goal=0.7, note=note)
        rate = Spread.of(ours).median / 2
        load = run_load(
            port=port,
            requests=bench.requests(api_key, count=_PREPARED * 2),
            connections=_CONNECTIONS,
            seconds=_STEADY_SECONDS,
            rate=rate,
        )
        half, last = (percentile(load.latencies, share) * 1000 for share in (0.50, 0.99))
        note = f"steady {rate:.0f} deductions/s, half the maximum"
        yield measured("credit_deduct_p50", unit="ms", ours=[half], note=note)
        yield measured("credit_deduct_p99", unit="ms", ours=[last], note=note)
        yield measured("credit_deduct_p99_by_p50", unit="times", ours=[last / half], note=note, goal=3.0, at_most=True)
    return Spread.of(ours).median


def _in_process(bench: Bench) -> Iterator[Figure]:
    server = bench.runtime.credits.redis
    bare = server.script_load(floor_credits.SCRIPT)

    def ours() -> float:
        orders = bench.orders(_IN_PROCESS)
        began = time.perf_counter()
        for order in orders:
            deduct(bench.runtime, order, now=utc_now())
        return _IN_PROCESS / (time.perf_counter() - began)

    def floor() -> float:
        wanted = [(str(order.customer_id), order.kept.key) for order in bench.orders(_IN_PROCESS)]
        began = time.perf_counter()
        for customer, key in wanted:
            server.evalsha(bare, 3, *floor_credits.keys(customer, key), 1, customer, str(new_id()), "ai.generate", 1)
        return _IN_PROCESS / (time.perf_counter() - began)

    mine, theirs = in_turns(_TURNS, ours, floor)
    note = "floor: bare EVALSHA, same durability, one connection"
    yield compared("credit_deduct_in_process", unit="deductions/s", ours=mine, floor=theirs, goal=0.8, note=note)


def _in_batches(bench: Bench) -> Iterator[Figure]:
    server = bench.runtime.credits.redis
    bare = server.script_load(floor_credits.BATCH)
    customer = bench.customers[0]

    def ours() -> float:
        batches = [[bench.order(customer) for _ in range(_BATCH)] for _ in range(_BATCHES)]
        began = time.perf_counter()
        for batch in batches:
            deduct_each(bench.runtime, batch, now=utc_now())
        return _BATCH * _BATCHES / (time.perf_counter() - began)

    def floor() -> float:
        batches = [
            [
                part
                for order in bench.orders(_BATCH)
                for part in floor_credits.keys(str(customer), order.kept.key)[1::-1]
            ]
            for _ in range(_BATCHES)
        ]
        began = time.perf_counter()
        for batch in batches:
            server.evalsha(bare, 1, "floor:journal", *batch)
        return _BATCH * _BATCHES / (time.perf_counter() - began)

    mine, theirs = in_turns(_TURNS, ours, floor)
    note = "500 items of one customer; floor: a bare script that does 500"
    yield compared("credit_batch", unit="deductions/s", ours=mine, floor=theirs, goal=0.7, note=note)


def _drain(bench: Bench, *, over_http: float) -> Iterator[Figure]:
    others = [new_id() for _ in range(_CUSTOMERS)]
    bench.rig.sql(_ADD_CUSTOMERS, {"ids": others})
    server, seqs = bench.runtime.credits.redis, itertools.count(1, _DRAINED // _CUSTOMERS)

    def ours() -> float:
        _drain_all(bench.runtime)
        orders = bench.orders(_DRAINED)
        for start in range(0, _DRAINED, _BATCH):
            deduct_each(bench.runtime, orders[start : start + _BATCH], now=utc_now())
        began = time.perf_counter()
        return _drain_all(bench.runtime) / (time.perf_counter() - began)

    def floor() -> float:
        floor_drain.fill(server, others, count=_DRAINED, seq=next(seqs))
        with psycopg.connect(bench.rig.database_url, autocommit=True) as connection:
            began = time.perf_counter()
            return floor_drain.drain(server, connection) / (time.perf_counter() - began)

    mine, theirs = in_turns(_TURNS, ours, floor)
    note = "floor: a bare loop of the same rows, under the same trigger"
    yield compared("journal_drain", unit="entries/s", ours=mine, floor=theirs, goal=0.7, note=note)
    share = [rate / over_http for rate in mine]
    yield measured(
        "journal_drain_by_http", unit="times", ours=share, note="deductions over HTTP at full load", goal=3.0
    )


def _drain_all(runtime: Runtime) -> int:
    drained = 0
    while found := drain_journals(runtime, now=utc_now):
        drained += found
    return drained
