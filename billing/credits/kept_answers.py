"""Reading the answers that the server keeps under idempotency keys, as the ledger has them.

A deduction's answer is kept for a day, so of years of transactions the last day's are wanted: they stand together at the table's
end, and are found by when they were made (a BRIN index), all customers' in one pass. A transfer that came in is known for
thirty days, because its sender may be stuck; those are few, and have an index of their own.

Keys live in real time. `created_at` is business time, so on a test clock only the id of a transaction tells how old it is.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, SQLColumnExpression, Text, and_, cast, func, select
from sqlalchemy.orm import Session

from billing.credits.answers import RECEIVED_KEPT
from billing.credits.journal import milliseconds
from models.credits import CreditTransaction, TransactionType
from models.customer import Customer
from models.ids import first_id_at

_FETCHED = 10_000
_RECEIVED = CreditTransaction.type == TransactionType.TRANSFER_IN


class KeptAnswer(NamedTuple):
    """An answer (as JSON) that was given under an idempotency key, and until when it is given again (ms since 1970)."""

    customer_id: UUID
    key: str
    request: str
    answer: str
    until: int

    def milliseconds_left(self, now: datetime) -> int:
        """Return for how long it is still kept."""
        return max(1, self.until - milliseconds(now))


def read_answers(
    session: Session, *, now: datetime, keep: timedelta, customer_id: UUID | None = None
) -> Iterator[list[KeptAnswer]]:
    """Yield what is still to be answered again really at `now`, in batches; of one customer, or (None) of all."""
    whose = (
        CreditTransaction.customer_id.is_not(None)
        if customer_id is None
        else (CreditTransaction.customer_id == customer_id)
    )
    on_clock = select(Customer.id).where(
        Customer.id == CreditTransaction.customer_id, Customer.test_clock_id.is_not(None)
    )
    made, by_id = CreditTransaction.created_at, func.uuid_extract_timestamp(CreditTransaction.id)
    for age, received in ((keep, ~_RECEIVED), (RECEIVED_KEPT, _RECEIVED)):
        first = CreditTransaction.id >= first_id_at(now - age)
        yield from _read(session, and_(whose, received, made > now - age, ~on_clock.exists()), begun=made, kept=age)
        yield from _read(session, and_(whose, received, first, on_clock.exists()), begun=by_id, kept=age)


def _read(
    session: Session, wanted: ColumnElement[bool], *, begun: SQLColumnExpression[datetime], kept: timedelta
) -> Iterator[list[KeptAnswer]]:
    done = func.json_build_array(
        "done", CreditTransaction.id, CreditTransaction.balance, _milliseconds(CreditTransaction.created_at)
    )
    query = select(
        CreditTransaction.customer_id,
        CreditTransaction.key,
        CreditTransaction.request,
        func.coalesce(cast(CreditTransaction.answer, Text), cast(done, Text)),
        _milliseconds(begun) + int(kept.total_seconds() * 1000),
    ).where(CreditTransaction.key.is_not(None), wanted)
    for rows in session.execute(query, execution_options={"yield_per": _FETCHED}).partitions():
        yield [
            KeptAnswer(customer, key or "", request or "", answer, until)
            for customer, key, request, answer, until in rows
        ]


def _milliseconds(at: SQLColumnExpression[datetime]) -> ColumnElement[int]:
    return cast(func.round(func.extract("epoch", at) * 1000), BigInteger)
