"""Reading what the journal has brought."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from models.credits import CreditGrant, CreditTransaction, TransactionType
from models.ids import first_id_at


def granted_to(session: Session, *, customer_id: UUID) -> int:
    """Return how many credits a customer was ever granted, as far as the journal is drained."""
    query = select(func.coalesce(func.sum(CreditGrant.amount), 0)).where(CreditGrant.customer_id == customer_id)
    return int(session.scalars(query).one())


def transactions(
    *, customer_id: UUID | None, type_: TransactionType | None, since: datetime | None, until: datetime | None
) -> Select[CreditTransaction]:
    """Return the query for transactions in [since, until). Their ids sort by time, so that the period is one of ids, too."""
    query = select(CreditTransaction)
    if customer_id is not None:
        query = query.where(CreditTransaction.customer_id == customer_id)
    if type_ is not None:
        query = query.where(CreditTransaction.type == type_)
    if since is not None:
        query = query.where(CreditTransaction.id >= first_id_at(since))
    if until is not None:
        query = query.where(CreditTransaction.id < first_id_at(until))
    return query
