"""Process: prove that the server's balances are the ledger's, while the service runs.

An account on the server says how many operations it has had. The ledger's transaction of that number says what the account was
right after it. So each account is compared at a moment of its own, whatever is done to it meanwhile: it is read, then the journal
is drained, and then the transaction must be there and say the same.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple
from uuid import UUID

import redis
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from billing.credits.drain import drain_to_the_end
from billing.credits.server import CreditsUnavailable
from billing.credits.shards import ALL_SHARDS, Shard
from billing.runtime import Runtime
from models.credits import CreditAccount, CreditTransaction

_TOGETHER = 1_000


class OnServer(NamedTuple):
    """An account as the server has it after its operation number `seq`."""

    seq: int
    balance: int
    held: int
    debt: int


class Difference(NamedTuple):
    """An account that is not what the ledger says."""

    customer_id: UUID
    detail: str


class ShardCompared(NamedTuple):
    """A shard whose accounts were compared, and what differed."""

    accounts: int
    differences: Sequence[Difference]


def compare_with_server(runtime: Runtime, *, now: Callable[[], datetime]) -> Iterator[ShardCompared]:
    """Yield what a look at each of the 64 shards found. Raises CreditsUnavailable, DatabaseUnavailable."""
    for shard in ALL_SHARDS:
        with runtime.transaction() as session:
            known = set(session.scalars(select(CreditAccount.customer_id).where(CreditAccount.shard == shard.number)))
        found = _read(runtime, shard)
        drain_to_the_end(runtime, now=now, shards=[shard])
        missing = [Difference(customer, "the server does not have the account") for customer in known - found.keys()]
        with runtime.transaction() as session:
            yield ShardCompared(len(found), [*missing, *_differences(session, found)])


def _read(runtime: Runtime, shard: Shard) -> dict[UUID, OnServer]:
    pattern, found = shard.account_pattern, dict[UUID, OnServer]()
    try:
        server = runtime.credits.nodes.holding(shard.epoch).client
        keys = (str(key) for key in server.scan_iter(match=pattern, count=_TOGETHER))
        while batch := list(islice(keys, _TOGETHER)):
            with server.pipeline(transaction=False) as pipeline:
                for key in batch:
                    pipeline.hmget(key, "seq", "balance", "held", "debt")
                for key, values in zip(batch, pipeline.execute(), strict=True):
                    if values[0] is not None:  # it was there when the server listed it
                        found[UUID(key.rpartition(":")[2])] = OnServer(*map(int, values))
        server.get(shard.epoch)  # refused where the shard moved to another node meanwhile, with its accounts
    except redis.RedisError as error:
        raise CreditsUnavailable("the credits server does not answer") from error
    return found


def _differences(session: Session, found: dict[UUID, OnServer]) -> Iterator[Difference]:
    accounts = iter(found.items())
    while batch := list(islice(accounts, _TOGETHER)):
        wanted = [(customer, on_server.seq) for customer, on_server in batch]
        query = select(
            CreditTransaction.customer_id,
            CreditTransaction.seq,
            CreditTransaction.balance,
            CreditTransaction.held,
            CreditTransaction.debt,
        ).where(tuple_(CreditTransaction.customer_id, CreditTransaction.seq).in_(wanted))
        said = {customer: OnServer(*rest) for customer, *rest in session.execute(query)}
        for customer, on_server in batch:
            ledger = said.get(customer, OnServer(0, 0, 0, 0))
            if ledger != on_server:
                yield Difference(customer, f"the server says {_words(on_server)}, the ledger {_words(ledger)}")


def _words(account: OnServer) -> str:
    return f"{account.balance} left, {account.held} held, {account.debt} owed after operation {account.seq}"
