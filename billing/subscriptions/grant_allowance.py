"""Process: bring a month's credits to the credits server, once. Between any two lines the process may die.

The row is committed with the month (allowance.py). The script runs under a key made of the row's id: however often, the credits
are given once. The row is noted as done when Postgres has the transaction; whoever finds it open looks there first, because the
server forgets keys after a day.
"""

from datetime import datetime
from uuid import UUID

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


def grant_allowance(runtime: Runtime, *, allowance_id: UUID, now: datetime) -> None:
    """Give the credits of a month, unless they were given, or the month is over. `now` is real time.

    May be called at any time, by several at once. Raises CreditsUnavailable, DatabaseUnavailable: call it again.
    """
    with runtime.transaction() as session:
        row = session.get_one(PlanAllowance, allowance_id)
        at = business_now(session, customer_id=row.customer_id, now=now)
    if row.granted_at is None:
        if row.expires_at > at and not _is_in_books(runtime, row, now=now):
            _grant(runtime, row, at=at)
            fail_point("subscriptions.allowance_granted")
            if not _is_in_books(runtime, row, now=now):
                raise CreditsUnavailable("the credits server lost what it had answered; the credits are granted again")
        with runtime.transaction() as session:
            session.get_one(PlanAllowance, allowance_id, with_for_update=True).granted_at = at


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
        reference=public_id(SUBSCRIPTION_PREFIX, row.of_subscription),
    )
    grant(runtime, order, terms, balance_max=None, now=at)


def _is_in_books(runtime: Runtime, row: PlanAllowance, *, now: datetime) -> bool:
    drain_to_the_end(runtime, now=lambda: now, shards=[Shard.of(row.customer_id)])
    with runtime.transaction() as session:
        return session.get(CreditTransaction, row.id) is not None
