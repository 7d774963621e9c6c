"""Reading payments and their refunds."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.errors import NotFound
from billing.payments.representation import PREFIX
from models.ids import MalformedId, row_id
from models.payment import Payment
from models.refund import Refund


class PaymentNotFound(NotFound):
    """There is no such payment for this caller."""

    code = "payment_not_found"


def find_payment(session: Session, *, public: str, own: UUID | None, lock: bool = False) -> Payment:
    """Return the payment; `own` limits to one customer's own; `lock` takes the row lock.

    Raises PaymentNotFound, also for another customer's payment and for a text that is no id.
    """
    try:
        query = select(Payment).where(Payment.id == row_id(PREFIX, public))
    except MalformedId:
        raise PaymentNotFound(f"there is no payment {public!r}") from None
    payment = session.scalar(query.with_for_update() if lock else query, execution_options={"populate_existing": lock})
    if payment is None or own not in {None, payment.customer_id}:
        raise PaymentNotFound(f"there is no payment {public!r}")
    return payment


def refunds_of(session: Session, *, payment_id: UUID) -> Sequence[Refund]:
    """Return the payment's refunds, oldest first."""
    return session.scalars(
        select(Refund).where(Refund.payment_id == payment_id).order_by(Refund.created_at, Refund.id)
    ).all()


def refunds_of_each(session: Session, *, payment_ids: Collection[UUID]) -> dict[UUID, list[Refund]]:
    """Return the refunds of several payments, oldest first, by payment; one query for all of them."""
    found: dict[UUID, list[Refund]] = {payment_id: [] for payment_id in payment_ids}
    query = select(Refund).where(Refund.payment_id.in_(payment_ids)).order_by(Refund.created_at, Refund.id)
    for refund in session.scalars(query):
        found[refund.payment_id].append(refund)
    return found
