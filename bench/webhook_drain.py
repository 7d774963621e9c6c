"""Webhook drain: stored events to processed, with the real handlers, beside a task that does nothing on the same worker.

Three events tell of each payment: it begins to settle, its charge succeeded, it succeeded. In the mixed figure they come in the
usual composition, the last event first; in the other one each event changes a payment and writes its fact and audit entry.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime

import psycopg
import redis
from celery import Celery

from bench.figures import Figure, compared, in_turns
from bench.rig import Rig
from bench.rows import add_settling_payments, store_events
from billing.clock import utc_now
from billing.hints import Hint
from local.process import ChildProcess
from tasks.celery_config import MESSAGE_PREFIX, client_config
from tasks.queues import HINT_TASKS, WEBHOOKS

NAME = "webhook_drain"
_TURNS = 3
_PAYMENTS = 2_000
_MESSAGES = 3_000
_SECONDS_MAX = 120.0
_POLL_SECONDS = 0.02
_WORKER = "worker-network"


def measure(rig: Rig) -> Iterator[Figure]:
    """Yield events a second against Celery's own rate, and against a message for each row."""
    effects, mixed, nothing, one_row = in_turns(
        _TURNS,
        lambda: drain(rig, only="payment_intent.succeeded"),
        lambda: drain(rig),
        lambda: _nothing(rig),
        lambda: _one_row(rig),
    )
    yield compared(NAME, unit="events/s", ours=mixed, floor=nothing, goal=2.0, note="floor: Celery's no-op tasks/s")
    note = "each event changes a payment; floor: Celery's no-op tasks/s"
    yield compared(f"{NAME}_effects", unit="events/s", ours=effects, floor=nothing, goal=2.0, note=note)
    note = "the same events; floor: a message for each row"
    yield compared(f"{NAME}_rows", unit="events/s", ours=mixed, floor=one_row, goal=None, note=note)


def drain(rig: Rig, *, only: str | None = None) -> float:
    """Return how many stored events a second a worker closes that was told once; all types, or `only` one."""
    _prepare(rig, only, payments=_PAYMENTS)
    began = utc_now()
    _publish(rig, HINT_TASKS[Hint.INBOX], count=1)
    with _worker(rig, "workers.main"):
        return _rate_of_rows(rig, since=began)


def _one_row(rig: Rig) -> float:
    events = _prepare(rig, None, payments=_MESSAGES // 6)
    began = utc_now()
    _publish(rig, "bench.one_row", count=events)
    with _worker(rig, "bench.floor_worker"):
        return _rate_of_rows(rig, since=began)


def _nothing(rig: Rig) -> float:
    """Return how many tasks a second the worker runs that do nothing; the queue is full before it starts."""
    _publish(rig, "bench.nothing", count=_MESSAGES)
    with (
        redis.Redis.from_url(rig.servers.environment()["CELERY_BROKER_URL"]) as broker,
        _worker(rig, "bench.floor_worker"),
    ):
        first = _wait_for_length(broker, below=_MESSAGES)
        last = _wait_for_length(broker, below=1)
    return first[1] / (last[0] - first[0])


def _prepare(rig: Rig, only: str | None, *, payments: int) -> int:
    with redis.Redis.from_url(rig.servers.environment()["CELERY_BROKER_URL"]) as broker:
        broker.flushall()
    with psycopg.connect(rig.database_url, autocommit=True) as connection:
        connection.execute("TRUNCATE audit_pending")
        events = [
            event
            for event in add_settling_payments(connection, count=payments)
            if only is None or event["type"] == only
        ]
        store_events(connection, events)
        connection.execute("VACUUM ANALYZE inbox_events, payments")
    return len(events)


def _publish(rig: Rig, task: str, *, count: int) -> None:
    client = Celery("bench-client", set_as_current=False)
    client.config_from_object(client_config(rig.servers.settings(), name="bench", socket_timeout_seconds=5))
    for _ in range(count):
        client.send_task(task, queue=WEBHOOKS, ignore_result=True)
    client.close()


def _worker(rig: Rig, app: str) -> AbstractContextManager[ChildProcess]:
    """Run the worker of the Procfile's line, with another Celery application in its place."""
    return rig.procfile_process(_WORKER, app=app)


def _rate_of_rows(rig: Rig, *, since: datetime) -> float:
    """Wait until no event is due, and return the rate from the first commit to the last (the first batch not counted)."""
    deadline = time.monotonic() + _SECONDS_MAX
    while rig.sql("SELECT 1 FROM inbox_events WHERE next_attempt_at IS NOT NULL LIMIT 1"):
        if time.monotonic() > deadline:
            raise RuntimeError(f"events are left after {_SECONDS_MAX} s:\n{rig.log(_WORKER)[-2000:]}")
        time.sleep(_POLL_SECONDS)
    ((count, seconds),) = rig.sql(
        "WITH turn AS (SELECT processed_at AS at FROM inbox_events WHERE processed_at > %(since)s), "
        "begun AS (SELECT min(at) AS first FROM turn) "
        "SELECT count(*) FILTER (WHERE at > first), extract(epoch FROM max(at) - min(first))::float8 FROM turn, begun",
        {"since": since},
    )
    return float(str(count)) / float(str(seconds))


def _wait_for_length(broker: "redis.Redis", *, below: int) -> tuple[float, int]:
    """Return when the queue was first seen shorter than `below`, and how long it was then."""
    deadline = time.monotonic() + _SECONDS_MAX
    while (length := int(broker.llen(MESSAGE_PREFIX + WEBHOOKS))) >= below:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{length} messages are left after {_SECONDS_MAX} s")
        time.sleep(_POLL_SECONDS)
    return time.monotonic(), length
