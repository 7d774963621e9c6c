"""A billing run: subscriptions that are due become finalized invoices, with lines, taxes, entries in the books, and events.

Ours is what beat's job does, in batches of its own size. The floors write the rows that our run has just written once more, into
tables with the same columns and indexes and no triggers: by one `unnest` a table and batch, which is as fast as Postgres
takes rows, and by one transaction a subscription with one statement a row, which is how billing is mostly written.
"""

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import psycopg

from bench.figures import Figure, compared, in_turns
from bench.floor_rows import insert_each, insert_together, make_empty, parts, read
from bench.rig import Rig
from billing.clock import utc_now
from billing.runtime import Runtime, make_runtime
from billing.subscriptions.cycle import cycle_from
from billing.subscriptions.run_due import BATCH, run_due
from models.ids import new_id
from models.price import PriceInterval

NAME = "billing_run"
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_SUBSCRIPTIONS = 2_000
_TURNS = 5
_GOAL = 0.4
_FLAT = 0.9
_SMALL, _LARGE = 10_000, 100_000
_DUE = 1_000
_COPY = {
    "customers": "id, email, gateway_id, metadata, created_at, updated_at",
    "payment_methods": "id, customer_id, type, is_default, attached_at",
    "subscriptions": "id, customer_id, status, plan_id, plan_version_id, interval, currency, anchor, anchor_day, "
    "current_period_start, current_period_end, credited_until, collection, days_until_due, auto_renew, "
    "proration_granularity, proration_event_day, cancel_at_period_end, next_action_at, metadata, created_at, updated_at",
    "subscription_items": "id, subscription_id, price_id, quantity, started_at",
}
# What a run writes, and what each row of it is of: rows of a run are those after a key, which sorts by time.
_WRITTEN = (
    "invoices",
    "invoice_lines",
    "invoice_taxes",
    "ledger_entries",
    "ledger_postings",
    "payments",
    "operations",
    "outbox_events",
    "outbox_deliveries",
    "plan_allowances",
    "audit_entries",
    "audit_pending",
)


_KEYS = {
    "invoice_lines": "invoice_id",
    "invoice_taxes": "invoice_id",
    "ledger_postings": "entry_id",
    "audit_pending": "entry_id",
}


def measure(rig: Rig) -> Iterator[Figure]:
    """Yield the run beside both floors, and how it grows with the subscriptions that are not due."""
    billing = Billing(rig, subscriptions=_SUBSCRIPTIONS, due=_SUBSCRIPTIONS)
    ours, together, each = in_turns(
        _TURNS, billing.run, partial(billing.floor, one_by_one=False), partial(billing.floor, one_by_one=True)
    )
    note = f"{_SUBSCRIPTIONS:,} subscriptions, batches of {BATCH}"
    yield compared(NAME, unit="invoices/s", ours=ours, floor=together, goal=_GOAL, note=f"{note}; floor: unnest")
    yield compared(
        f"{NAME}_one_by_one",
        unit="invoices/s",
        ours=ours,
        floor=each,
        goal=1.0,
        note=f"{note}; floor: a transaction each",
    )
    few, many = (
        Billing(rig.with_database(f"bench_{count}"), subscriptions=count, due=_DUE) for count in (_SMALL, _LARGE)
    )
    small, large = in_turns(_TURNS, few.run, many.run)
    note = f"{_DUE:,} due of {_LARGE:,} beside {_SMALL:,}"
    yield compared(f"{NAME}_growth", unit="invoices/s", ours=large, floor=small, goal=_FLAT, note=note)


class Billing:
    """A database with subscriptions, of which some are due with each month."""

    def __init__(self, rig: Rig, *, subscriptions: int, due: int) -> None:
        self._url = rig.database_url
        settings = rig.servers.settings(DATABASE_URL=rig.database_url)
        self._runtime: Runtime = make_runtime(settings, send_hint=lambda _hint: None)
        self._month, self._due = 0, due
        self._since = new_id()
        with psycopg.connect(self._url, autocommit=True) as connection:
            add_subscriptions(connection, subscriptions=subscriptions, due=due)

    def run(self) -> float:
        """Let the next month's run come, and return how many invoices it made a second."""
        self._month += 1
        at = cycle_from(_BEGAN, interval=PriceInterval.MONTH).boundary(self._month)
        self._since = new_id()
        began = time.perf_counter()
        done = 0
        while found := run_due(self._runtime, at=at, now=utc_now()):
            done += found
        seconds = time.perf_counter() - began
        if done != self._due:
            raise RuntimeError(f"{done} subscriptions were billed, not {self._due}")
        return done / seconds

    def floor(self, *, one_by_one: bool) -> float:
        """Write the last run's rows again, and return how many invoices that is a second."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            rows = [read(connection, table, self._where(table)) for table in _WRITTEN]
            make_empty(connection, _WRITTEN)
        batches = list(parts(rows, self._due if one_by_one else self._due // BATCH))
        insert = insert_each if one_by_one else insert_together
        with psycopg.connect(self._url) as connection:
            began = time.perf_counter()
            for batch in batches:
                insert(connection, batch)
                connection.commit()
            seconds = time.perf_counter() - began
        return self._due / seconds

    def _where(self, table: str) -> str:
        key = _KEYS.get(table, "id")
        return f"{key} > '{self._since}' ORDER BY {key}"


def add_subscriptions(connection: psycopg.Connection, *, subscriptions: int, due: int) -> None:
    """Add active subscriptions to Pro, each of a customer with a card; those that are not due are so in ten years."""
    found = connection.execute(
        "SELECT plan_versions.id, plans.id, prices.id FROM plans JOIN plan_versions ON plan_versions.plan_id = plans.id "
        "JOIN prices ON prices.version_id = plan_versions.id "
        "WHERE plans.code = 'pro' AND prices.interval = 'month' AND prices.currency = 'USD'"
    ).fetchone()
    if found is None:
        raise RuntimeError("the catalog has no plan pro by the month in USD")
    version, plan, price = found
    later = _BEGAN.replace(year=2036)
    end = cycle_from(_BEGAN, interval=PriceInterval.MONTH).boundary(1)
    rows: dict[str, list[tuple[object, ...]]] = {table: [] for table in _COPY}
    for number in range(subscriptions):
        customer, subscription = new_id(), new_id()
        ends = end if number < due else later
        rows["customers"].append((customer, f"{number}@example.com", f"cus_{uuid.uuid4().hex}", "{}", _BEGAN, _BEGAN))
        rows["payment_methods"].append((f"pm_{uuid.uuid4().hex}", customer, "card", True, _BEGAN))
        of_plan = ("active", plan, version, "month", "USD", _BEGAN, 1, _BEGAN, ends, ends)
        terms = ("automatic", 0, True, "second", "new_plan", False, ends, "{}", _BEGAN, _BEGAN)
        rows["subscriptions"].append((subscription, customer, *of_plan, *terms))
        rows["subscription_items"].append((new_id(), subscription, price, 1, _BEGAN))
    for table, columns in _COPY.items():
        with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN".encode()) as copy:
            for row in rows[table]:
                copy.write_row(row)
    connection.execute("ANALYZE")
