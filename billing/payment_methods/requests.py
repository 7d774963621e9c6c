"""Use cases: ask for a payment method to be attached or detached; the gateway hears of it from a worker."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import operations
from billing.actor import Actor
from billing.errors import NotFound
from models.customer import Customer
from models.operation import Operation
from models.payment_method import PaymentMethod

ATTACH_KIND = "payment_method.attach"
DETACH_KIND = "payment_method.detach"
_LISTED_MAX = 100


class PaymentMethodNotFound(NotFound):
    """The customer has no such payment method attached."""

    code = "payment_method_not_found"


def request_attachment(
    session: Session, *, customer: Customer, payment_method: str, set_default: bool, actor: Actor, now: datetime
) -> Operation:
    """Ask to attach `pm_…` to a locked customer. Raises OperationUnderWay."""
    return operations.enqueue(
        session,
        kind=ATTACH_KIND,
        customer_id=customer.id,
        resource_type="payment_method",
        resource_id=payment_method,
        params={"set_default": set_default},
        actor=actor,
        now=now,
    )


def request_detachment(
    session: Session, *, customer: Customer, payment_method: str, actor: Actor, now: datetime
) -> Operation:
    """Ask to detach one of a locked customer's payment methods. Raises PaymentMethodNotFound, OperationUnderWay."""
    method = session.get(PaymentMethod, payment_method)
    if method is None or method.customer_id != customer.id or method.detached_at is not None:
        raise PaymentMethodNotFound(f"the customer has no payment method {payment_method!r}")
    return operations.enqueue(
        session,
        kind=DETACH_KIND,
        customer_id=customer.id,
        resource_type="payment_method",
        resource_id=payment_method,
        params={},
        actor=actor,
        now=now,
    )


def payment_methods_of(session: Session, *, customer_id: UUID) -> Sequence[PaymentMethod]:
    """Return the customer's attached payment methods, newest first, at most 100."""
    return session.scalars(
        select(PaymentMethod)
        .where(PaymentMethod.customer_id == customer_id, PaymentMethod.detached_at.is_(None))
        .order_by(PaymentMethod.attached_at.desc(), PaymentMethod.id.desc())
        .limit(_LISTED_MAX)
    ).all()
