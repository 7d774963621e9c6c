"""Process: operations on credits that a committed row asks for, each made once.

The row says which id the transaction will have, and the script runs under a key made of that: however often, the credits move
once. The server forgets keys after a day, so whoever finds that somebody had begun looks into Postgres first; and a row is noted
as done only once its transaction is there. Had the server lost it in between, it would be made again.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from billing.actor import WORKER
from billing.credits.answers import CreditOrder, KeptAs
from billing.credits.drain import drain_to_the_end
from billing.credits.shards import Shard, key_digest
from billing.idempotency import request_hash
from billing.runtime import Runtime
from models.credits import CreditTransaction


def owed_order(
    effect: str, id_: UUID, *, customer_id: UUID, amount: int, operation: str, metadata: dict[str, str] | None = None
) -> CreditOrder:
    """Return the order of what a row asks for; `effect` says of what kind of row, `id_` is that of the transaction."""
    key = f"{effect}-{id_}"
    kept = KeptAs(
        key_digest(key, caller=WORKER.name), request_hash(method="", path=key, body=str(amount).encode()).hex()
    )
    return CreditOrder(customer_id, amount, operation, metadata or {}, WORKER.name, kept, id=id_)


def is_in_books(runtime: Runtime, transaction_id: UUID, *, customer_id: UUID, now: datetime) -> bool:
    """Say whether a transaction was made. Raises CreditsUnavailable, DatabaseUnavailable."""
    return bool(in_books(runtime, {transaction_id: customer_id}, now=now))


def in_books(runtime: Runtime, customer_of: Mapping[UUID, UUID], *, now: datetime) -> set[UUID]:
    """Return which transactions were made, of those given with their customers: drain the journals, then look into Postgres.

    Raises CreditsUnavailable, DatabaseUnavailable.
    """
    if not customer_of:
        return set()
    drain_to_the_end(runtime, now=lambda: now, shards=list({Shard.of(each) for each in customer_of.values()}))
    with runtime.transaction() as session:
        query = select(CreditTransaction.id).where(CreditTransaction.id.in_(customer_of))
        return set(session.scalars(query))
