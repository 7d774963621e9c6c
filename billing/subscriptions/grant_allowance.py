"""Process: bring months' credits to the credits server, once each. Between any two lines the process may die.

The row is committed with the month (allowance.py). The script runs under a key made of the row's id: however often, the credits
are given once. The row is noted as done when Postgres has the transaction; whoever finds it open looks there first, because the
server forgets keys after a day.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from billing.actor import WORKER
from billing.business_time import business_now
from billing.credits.answers import CreditOrder, KeptAs
from billing.credits.drain import drain_to_the_end
from billing.credits.grant import DEFAULT_PRIORITY, GrantTerms, grant
from billing.credits.server import CreditsUnavailable
from billing.credits.shards import Shard, key_digest
from billing.fail_points import fail_point
from billing.idempotency import request_hash
from billing.runtime import Runtime
from billing.subscriptions.prefixes import SUBSCRIPTION_PREFIX
from models.credits import CreditTransaction, GrantKind
from models.ids import public_id
from models.subscription import PlanAllowance

OPERATION = "plan.allowance"


def grant_allowances(runtime: Runtime, *, allowance_ids: Collection[UUID], now: datetime) -> None:
    """Give the credits of some months, but for those that were given, or whose month is over. `now` is real time.

    May be called at any time, by several at once. Raises CreditsUnavailable, DatabaseUnavailable: call it again.
    """
    with runtime.transaction() as session:
        query = select(PlanAllowance).where(PlanAllowance.id.in_(allowance_ids), PlanAllowance.granted_at.is_(None))
        rows = session.scalars(query.order_by(PlanAllowance.id)).all()
        times = {row.id: business_now(session, customer_id=row.customer_id, now=now) for row in rows}
    running = [row for row in rows if row.expires_at > times[row.id]]
    in_books = _in_books(runtime, running, now=now)
    for row in running:
        if row.id not in in_books:
            _grant(runtime, row, at=times[row.id])
            fail_point("subscriptions.allowance_granted")
    if len(in_books) < len(running) and len(_in_books(runtime, running, now=now)) < len(running):
        raise CreditsUnavailable("the credits server lost what it had answered; the credits are granted again")
    if not rows:
        return
    with runtime.transaction() as session:
        for row in rows:
            session.get_one(PlanAllowance, row.id, with_for_update=True).granted_at = times[row.id]


def _grant(runtime: Runtime, row: PlanAllowance, *, at: datetime) -> None:
    key = f"plan-allowance-{row.id}"
    order = CreditOrder(
        customer_id=row.customer_id,
        amount=row.credits,
        operation=OPERATION,
        metadata={},
        actor=WORKER.name,
        kept=KeptAs(
            key_digest(key, caller=WORKER.name),
            request_hash(method="", path=key, body=str(row.credits).encode()).hex(),
        ),
        id=row.id,
    )
    terms = GrantTerms(
        id=row.id,
        kind=GrantKind.ALLOWANCE,
        priority=DEFAULT_PRIORITY[GrantKind.ALLOWANCE],
        expires_at=row.expires_at,
        reference=public_id(SUBSCRIPTION_PREFIX, row.subscription_id),
    )
    grant(runtime, order, terms, balance_max=None, now=at)


def _in_books(runtime: Runtime, rows: Collection[PlanAllowance], *, now: datetime) -> set[UUID]:
    """Return which of the rows' credits are in Postgres, once the journals of their shards are there."""
    if not rows:
        return set()
    drain_to_the_end(runtime, now=lambda: now, shards=list({Shard.of(row.customer_id) for row in rows}))
    with runtime.transaction() as session:
        query = select(CreditTransaction.id).where(CreditTransaction.id.in_([row.id for row in rows]))
        return set(session.scalars(query))
