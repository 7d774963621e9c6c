"""Reading the books of a simulated cohort: what its customers were billed, what they paid, and what became of them.

Everything is of the customers of the simulation's clocks, in their business time, so that nobody else's books count, and the same
seed gives the same figures. Amounts are in minor units.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.price import PriceInterval


class Sum(NamedTuple):
    """How many of something in a currency, and what they come to."""

    name: str
    currency: str
    number: int
    amount: int


class AccountSum(NamedTuple):
    """What the cohort's entries debited an account with, and credited it with."""

    account: str
    asset: str
    debit: int
    credit: int


class Trials(NamedTuple):
    """How many trials were begun; of them those whose subscription was paid for afterwards, and those that still run."""

    begun: int
    converted: int
    running: int


class Billed(NamedTuple):
    """A subscription, as its periods are reckoned, and the beginnings of the periods that were invoiced, in order."""

    id: UUID
    begin: datetime
    first_paid: datetime
    anchor: datetime
    anchor_day: int
    interval: PriceInterval
    status: str
    ended_at: datetime | None
    paused_at: datetime | None
    invoiced: tuple[datetime, ...]


class Books(NamedTuple):
    """The cohort's books at the end of the simulation."""

    customers: int
    subscriptions: dict[str, int]
    invoices: list[Sum]
    collected: list[Sum]
    payments: list[Sum]
    invoices_paid: list[Sum]
    open_amounts: list[Sum]
    dunning: dict[str, int]
    recovered: list[Sum]
    trials: Trials
    churn: list[tuple[str, int]]
    accounts: list[AccountSum]
    parked: int
    billed: list[Billed]


# The customers of the clocks. A deleted clock has the same.
_OURS = "customer_id IN (SELECT id FROM customers WHERE test_clock_id = ANY(:clocks))"
_INVOICES = f"""
    SELECT status AS name, currency, count(*) AS number, sum(total_minor)::bigint AS amount
    FROM invoices WHERE {_OURS} GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608 - our own constant
_COLLECTED = f"""
    SELECT to_char(paid_at AT TIME ZONE 'UTC', 'YYYY-MM') AS name, currency, count(*) AS number,
        sum(amount_paid_minor)::bigint AS amount
    FROM invoices WHERE {_OURS} AND paid_at IS NOT NULL AND amount_paid_minor > 0 GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608 - our own constant
_PAYMENTS = f"""
    SELECT 'payments' AS name, currency, count(*) AS number,
        sum(amount_captured_minor - amount_refunded_minor)::bigint AS amount
    FROM payments WHERE {_OURS} AND amount_captured_minor > 0 AND purpose = 'invoice' GROUP BY 2 ORDER BY 2
"""  # noqa: S608 - our own constant
_INVOICES_PAID = f"""
    SELECT 'invoices' AS name, currency, count(*) AS number, sum(amount_paid_minor)::bigint AS amount
    FROM invoices WHERE {_OURS} AND amount_paid_minor > 0 GROUP BY 2 ORDER BY 2
"""  # noqa: S608 - our own constant
_OPEN_AMOUNTS = f"""
    SELECT 'open' AS name, currency, count(*) AS number, sum(amount_due_minor - amount_paid_minor)::bigint AS amount
    FROM invoices WHERE {_OURS} AND status = 'open' GROUP BY 2 ORDER BY 2
"""  # noqa: S608 - our own constant
_RECOVERED = f"""
    SELECT 'recovered' AS name, i.currency, count(*) AS number, sum(i.amount_paid_minor)::bigint AS amount
    FROM dunning_cases d JOIN invoices i ON i.id = d.invoice_id
    WHERE d.{_OURS} AND d.status = 'recovered' GROUP BY 2 ORDER BY 2
"""  # noqa: S608 - our own constant
_TRIALS = f"""
    SELECT count(*),
        count(*) FILTER (WHERE EXISTS (
            SELECT FROM invoices i WHERE i.subscription_id = s.id AND i.status = 'paid' AND i.amount_paid_minor > 0)),
        count(*) FILTER (WHERE s.status = 'trialing')
    FROM subscriptions s WHERE s.{_OURS} AND s.trial_end IS NOT NULL
"""  # noqa: S608 - our own constant
_CHURN = f"""
    SELECT to_char(ended_at AT TIME ZONE 'UTC', 'YYYY-MM') AS name, count(*) AS number
    FROM subscriptions WHERE {_OURS} AND status = 'canceled' GROUP BY 1 ORDER BY 1
"""  # noqa: S608 - our own constant
_ACCOUNTS = f"""
    SELECT p.account, p.asset, coalesce(sum(p.amount) FILTER (WHERE p.amount > 0), 0)::bigint AS debit,
        coalesce(-sum(p.amount) FILTER (WHERE p.amount < 0), 0)::bigint AS credit
    FROM ledger_postings p JOIN ledger_entries e ON e.id = p.entry_id WHERE e.{_OURS}
    GROUP BY 1, 2 ORDER BY 2, 1
"""  # noqa: S608 - our own constant
# A trial that ended early, and a free plan, are billed like any other: a period's invoice may come to nothing.
_BILLED = f"""
    SELECT s.id, s.created_at AS begin, coalesce(s.trial_end, s.created_at) AS first_paid, s.anchor, s.anchor_day,
        s.interval, s.status, s.ended_at, s.paused_at,
        coalesce((SELECT array_agg(i.period_start ORDER BY i.period_start) FROM invoices i
            WHERE i.subscription_id = s.id AND i.billing_reason IN ('subscription_create', 'subscription_cycle')), '{{}}')
            AS invoiced
    FROM subscriptions s WHERE s.{_OURS} ORDER BY s.id
"""  # noqa: S608 - our own constant


def read_books(session: Session, *, clock_ids: Sequence[UUID]) -> Books:
    """Return the books of the clocks' customers."""

    def rows(query: str) -> Sequence[Any]:
        return session.execute(text(query), {"clocks": list(clock_ids)}).all()

    def sums(query: str) -> list[Sum]:
        return [Sum(*row) for row in rows(query)]

    def counts(table: str) -> dict[str, int]:
        query = f"SELECT status, count(*) FROM {table} WHERE {_OURS} GROUP BY 1 ORDER BY 1"  # noqa: S608 - our own names
        return {status: number for status, number in rows(query)}  # noqa: C416 - rows, not pairs

    (customers,) = rows("SELECT count(*) FROM customers WHERE test_clock_id = ANY(:clocks)")
    (parked,) = rows("SELECT count(*) FROM subscriptions WHERE test_clock_id = ANY(:clocks) AND parked_at IS NOT NULL")
    (trials,) = rows(_TRIALS)
    return Books(
        customers=customers[0],
        subscriptions=counts("subscriptions"),
        invoices=sums(_INVOICES),
        collected=sums(_COLLECTED),
        payments=sums(_PAYMENTS),
        invoices_paid=sums(_INVOICES_PAID),
        open_amounts=sums(_OPEN_AMOUNTS),
        dunning=counts("dunning_cases"),
        recovered=sums(_RECOVERED),
        trials=Trials(*trials),
        churn=[(row[0], row[1]) for row in rows(_CHURN)],
        accounts=[AccountSum(*row) for row in rows(_ACCOUNTS)],
        parked=parked[0],
        billed=[
            Billed(
                id=row.id,
                begin=row.begin,
                first_paid=row.first_paid,
                anchor=row.anchor,
                anchor_day=row.anchor_day,
                interval=PriceInterval(row.interval),
                status=row.status,
                ended_at=row.ended_at,
                paused_at=row.paused_at,
                invoiced=tuple(row.invoiced),
            )
            for row in rows(_BILLED)
        ],
    )
