"""The figures for Prometheus: what the processes counted, and what the rows say now.

With PROMETHEUS_MULTIPROC_DIR the counters of all processes on this host add up. How much work waits, and since when, is read
from Postgres at each scrape: the truth is in the rows, not in the queue.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import redis
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from billing.clock import utc_now
from billing.credits.lag import read_lag
from billing.credits.server import CreditsUnavailable
from billing.credits.shards import SHARDS
from billing.runtime import Runtime
from billing.unit_of_work import DatabaseUnavailable
from models.audit import AuditPending
from models.credits import CreditGap
from models.inbox_event import InboxEvent, InboxStatus
from models.leased_work import LeasedWork
from models.operation import Operation
from models.outbox import DeliveryStatus, OutboxDelivery
from models.reconciliation import DifferenceKind, DifferenceState, ReconciliationDifference, ReconciliationRun
from models.usage import ChargeStatus, UsageCharge
from tasks.celery_config import MESSAGE_PREFIX
from tasks.queues import QUEUES

CONTENT_TYPE = CONTENT_TYPE_LATEST
_TABLES: dict[str, type[LeasedWork]] = {
    "operations": Operation,
    "inbox_events": InboxEvent,
    "outbox_deliveries": OutboxDelivery,
    "reconciliation_runs": ReconciliationRun,
    "usage_charges": UsageCharge,
}


class RowCollector(Collector):
    """Gauges that are read at the scrape: waiting work by table, dead letters, messages by queue."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges; a part that is away yields none of its own."""
        try:
            yield from self._rows()
        except (DatabaseUnavailable, SQLAlchemyError):
            return
        with suppress(redis.RedisError):
            yield self._queues()
        with suppress(DatabaseUnavailable):
            yield from self._credits()

    def _rows(self) -> Iterator[GaugeMetricFamily]:
        waiting = GaugeMetricFamily("billing_work_waiting", "Rows of work that are not finished", labels=["table"])
        age = GaugeMetricFamily(
            "billing_work_overdue_seconds", "How long the oldest due row has waited", labels=["table"]
        )
        dead = GaugeMetricFamily("billing_work_dead", "Rows of work that a person has to look at", labels=["table"])
        pending = GaugeMetricFamily("billing_audit_unsealed", "Audit entries that are not sealed yet")
        overdue: ColumnElement[float]
        with self._runtime.transaction() as session:
            for name, table in _TABLES.items():
                overdue = func.coalesce(func.extract("epoch", func.now() - func.min(table.next_attempt_at)), 0)
                count, seconds = session.execute(
                    select(func.count(), overdue).where(table.next_attempt_at.is_not(None))
                ).one()
                waiting.add_metric([name], count)
                age.add_metric([name], max(0.0, float(seconds)))
            for name, condition in (
                ("inbox_events", InboxEvent.status == InboxStatus.DEAD),
                ("outbox_deliveries", OutboxDelivery.status == DeliveryStatus.DEAD),
                ("usage_charges", UsageCharge.status == ChargeStatus.FAILED),
            ):
                dead.add_metric([name], session.scalar(select(func.count()).where(condition)) or 0)
            dead.add_metric(["credit_gaps"], session.scalar(select(func.count()).select_from(CreditGap)) or 0)
            pending.add_metric([], session.scalar(select(func.count()).select_from(AuditPending)) or 0)
            differences = self._open_differences(session)
        yield from (waiting, age, dead, pending, differences)

    def _credits(self) -> Iterator[GaugeMetricFamily]:
        away = partial(
            GaugeMetricFamily, "billing_credits_shards_away", "Shards of credits whose server does not answer"
        )
        try:
            entries, seconds, shards_away = read_lag(self._runtime, now=utc_now())
        except CreditsUnavailable:
            yield away(SHARDS)
            return
        yield GaugeMetricFamily("billing_credits_undrained", "Credit operations that Postgres does not have", entries)
        yield GaugeMetricFamily("billing_credits_lag_seconds", "How old the oldest of them is", seconds)
        yield away(shards_away)

    def _open_differences(self, session: Session) -> GaugeMetricFamily:
        found = GaugeMetricFamily(
            "billing_reconciliation_open", "Differences with the gateway that are open", labels=["kind"]
        )
        counted = select(ReconciliationDifference.kind, func.count()).group_by(ReconciliationDifference.kind)
        is_open = ReconciliationDifference.state == DifferenceState.OPEN
        numbers = {row.kind: int(row[1]) for row in session.execute(counted.where(is_open))}
        for kind in DifferenceKind:
            found.add_metric([str(kind)], numbers.get(kind, 0))
        return found

    def _queues(self) -> GaugeMetricFamily:
        depth = GaugeMetricFamily("billing_queue_messages", "Messages in a queue of the broker", labels=["queue"])
        timeout = self._runtime.settings.REDIS_TIMEOUT_SECONDS
        with redis.Redis.from_url(
            self._runtime.settings.broker_url, socket_timeout=timeout, socket_connect_timeout=timeout
        ) as broker:
            for queue in QUEUES:
                depth.add_metric([queue], broker.llen(MESSAGE_PREFIX + queue))
        return depth


def render_metrics(runtime: Runtime) -> bytes:
    """Return all figures in Prometheus' text format."""
    rows = CollectorRegistry()
    rows.register(RowCollector(runtime))
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]  # the library leaves it untyped
    else:
        counted = REGISTRY
    return generate_latest(counted) + generate_latest(rows)
