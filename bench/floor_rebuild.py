"""The bare limits of a rebuild: the same rows copied out of Postgres, and the same scripts with their arguments at hand."""

import time
from collections import defaultdict
from datetime import timedelta

import psycopg

from billing.clock import utc_now
from billing.credits.kept_answers import KeptAnswer, read_answers
from billing.credits.restore import read_accounts, restoring
from billing.credits.restore_shards import Call, send_scripts
from billing.credits.scripts import Script, source
from billing.credits.shards import ALL_SHARDS, Shard
from billing.runtime import Runtime

_TOGETHER = 1_000
_MARK = "bench"
_ROWS = (
    "SELECT customer_id, seq, balance, held, debt, unlimited FROM credit_accounts",
    "SELECT id, customer_id, remaining, expires_at, priority, created_at, kind, origin FROM credit_grants WHERE remaining > 0",
    """
    SELECT customer_id, key, request, id, balance, created_at FROM credit_transactions
    WHERE created_at > now() - interval '24 hours'
    """,
)


def seconds_to_copy(runtime: Runtime) -> float:
    """Return how long Postgres takes to send what a rebuild reads, and nobody looks at it."""
    began = time.perf_counter()
    with psycopg.connect(runtime.settings.DATABASE_URL.get_secret_value()) as connection:
        for rows in _ROWS:
            with connection.cursor().copy(f"COPY ({rows}) TO STDOUT".encode()) as copy:
                for _ in copy:
                    pass
    return time.perf_counter() - began


def seconds_to_write(runtime: Runtime) -> float:
    """Return how long the server and its client take for the scripts alone; the memory is emptied before."""
    server, seconds = runtime.credits.redis, 0.0
    server.flushall(asynchronous=True)
    for script in (Script.RESTORE, Script.RESTORE_ANSWERS):
        server.script_load(source(script))
    for shard in ALL_SHARDS:
        server.set(shard.epoch, _MARK)
    with runtime.transaction() as session:
        customers = [row[0] for row in session.connection().exec_driver_sql("SELECT customer_id FROM credit_accounts")]
    for start in range(0, len(customers), _TOGETHER):
        with runtime.transaction() as session:
            accounts = list(read_accounts(session, customers=customers[start : start + _TOGETHER]))
        seconds += _send(
            runtime, [(Script.RESTORE, *restoring(one, (), epoch=_MARK, now=utc_now())) for one in accounts]
        )
    keep = timedelta(hours=runtime.settings.CREDIT_ANSWERS_KEPT_HOURS)
    with runtime.transaction() as session:
        for answers in read_answers(session, now=utc_now(), keep=keep):
            seconds += _send(runtime, _calls(answers))
    return seconds


def _calls(answers: list[KeptAnswer]) -> list[Call]:
    by_shard: dict[Shard, tuple[list[str], list[str | int]]] = defaultdict(lambda: ([], [_MARK]))
    for kept in answers:
        shard = Shard.of(kept.customer_id)
        keys, arguments = by_shard[shard]
        keys.append(shard.answer(kept.customer_id, kept.key))
        arguments += (kept.request, kept.answer, kept.milliseconds_left(utc_now()))
    return [(Script.RESTORE_ANSWERS, [shard.epoch, *keys], arguments) for shard, (keys, arguments) in by_shard.items()]


def _send(runtime: Runtime, calls: list[Call]) -> float:
    began = time.perf_counter()
    send_scripts(runtime.credits.redis, calls)
    return time.perf_counter() - began
