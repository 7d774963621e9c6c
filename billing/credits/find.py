"""Reading what the journal has brought."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from billing.credits.prefixes import PURCHASE_PREFIX
from billing.errors import NotFound
from models.credits import CreditGrant, CreditPurchase, CreditTransaction, CreditUsage, TransactionType
from models.ids import MalformedId, first_id_at, row_id
from models.payment import Payment, PaymentStatus

USAGE_ROWS_MAX = 1_000


def granted_to(session: Session, *, customer_id: UUID) -> int:
    """Return how many credits a customer was ever granted, as far as the journal is drained."""
    query = select(func.coalesce(func.sum(CreditGrant.amount), 0)).where(CreditGrant.customer_id == customer_id)
    return int(session.scalars(query).one())


def transactions(
    *,
    customer_id: UUID | None,
    type_: TransactionType | None,
    since: datetime | None,
    until: datetime | None,
    on_clock: bool = False,
) -> Select[CreditTransaction]:
    """Return the query for transactions in [since, until). Their ids sort by time, so that the period is one of ids, too.

    Only of a customer on a test clock (`on_clock`) they do not: what its transactions say themselves is compared.
    """
    query = select(CreditTransaction)
    if customer_id is not None:
        query = query.where(CreditTransaction.customer_id == customer_id)
    if type_ is not None:
        query = query.where(CreditTransaction.type == type_)
    if since is not None:
        begins = CreditTransaction.created_at >= since if on_clock else CreditTransaction.id >= first_id_at(since)
        query = query.where(begins)
    if until is not None:
        ended = CreditTransaction.created_at < until if on_clock else CreditTransaction.id < first_id_at(until)
        query = query.where(ended)
    return query


class PurchaseNotFound(NotFound):
    """There is no such purchase for this caller."""

    code = "credit_purchase_not_found"


def find_purchase(session: Session, *, public: str, own: UUID | None) -> CreditPurchase:
    """Return the purchase; `own` limits to one customer's own. Raises PurchaseNotFound."""
    try:
        found = session.get(CreditPurchase, row_id(PURCHASE_PREFIX, public))
    except MalformedId:
        found = None
    if found is None or own not in {None, found.customer_id}:
        raise PurchaseNotFound(f"there is no purchase {public!r}")
    return found


def purchases(*, customer_id: UUID | None) -> Select[CreditPurchase]:
    """Return the query for the purchases of one customer, or of all."""
    query = select(CreditPurchase)
    return query if customer_id is None else query.where(CreditPurchase.customer_id == customer_id)


def purchase_ids(session: Session, *, since: datetime, after: UUID | None, limit: int) -> Sequence[UUID]:
    """Return the ids of purchases since a time, in their order, behind one of them."""
    first = first_id_at(since)
    query = select(CreditPurchase.id).where(CreditPurchase.id >= first).order_by(CreditPurchase.id).limit(limit)
    return session.scalars(query if after is None else query.where(CreditPurchase.id > after)).all()


def with_payment_status(
    session: Session, found: Sequence[CreditPurchase]
) -> list[tuple[CreditPurchase, PaymentStatus]]:
    """Return purchases, each beside the status of its payment."""
    query = select(Payment.id, Payment.status).where(Payment.id.in_([purchase.id for purchase in found]))
    status_of = {row.id: row.status for row in session.execute(query)}
    return [(purchase, status_of[purchase.id]) for purchase in found]


class Used(NamedTuple):
    """How much was used of one day, operation or project, and in how many uses."""

    group: date | str
    amount: int
    uses: int


def usage(
    session: Session,
    *,
    customer_id: UUID | None,
    since: date | None,
    until: date | None,
    by: Literal["day", "operation", "project"],
) -> Sequence[Used]:
    """Return what was used on the days in [since, until): days newest first, other groups by how much."""
    group: InstrumentedAttribute[Any] = getattr(CreditUsage, by)
    amount, count = func.sum(CreditUsage.amount), func.sum(CreditUsage.count)
    query = select(group, amount, count).group_by(group)
    if customer_id is not None:
        query = query.where(CreditUsage.customer_id == customer_id)
    if since is not None:
        query = query.where(CreditUsage.day >= since)
    if until is not None:
        query = query.where(CreditUsage.day < until)
    ordered = query.order_by(group.desc()) if by == "day" else query.order_by(amount.desc(), group)
    return [Used(named, int(total), int(uses)) for named, total, uses in session.execute(ordered.limit(USAGE_ROWS_MAX))]
