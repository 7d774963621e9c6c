"""Use case: collect an issued invoice. It gets one payment, whose operation takes it to the gateway."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import operations
from billing.actor import Actor
from billing.payments.create import PaymentTerms, add_pending_payment
from billing.payments.lifecycle import FINAL
from billing.payments.representation import PREFIX as PAYMENT_PREFIX
from models.customer import Customer
from models.ids import public_id
from models.invoice import Invoice
from models.money import Money
from models.operation import Operation
from models.payment import CaptureMethod, Payment, PaymentPurpose
from models.payment_method import PaymentMethod


class Collected(NamedTuple):
    """The payment of an invoice, and the operation that makes it."""

    payment: Payment
    operation: Operation


def default_payment_method(session: Session, *, customer: Customer) -> str | None:
    """Return the customer's default payment method, if there is one."""
    return default_payment_methods(session, customer_ids=[customer.id]).get(customer.id)


def default_payment_methods(session: Session, *, customer_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the default payment method of each customer who has one; one query for all of them."""
    query = select(PaymentMethod.customer_id, PaymentMethod.id).where(
        PaymentMethod.customer_id.in_(customer_ids), PaymentMethod.is_default
    )
    return {row.customer_id: row.id for row in session.execute(query)}


def payment_of(session: Session, *, invoice: Invoice) -> Payment | None:
    """Return the payment that is not given up, or the one that has paid; there is one at most."""
    query = select(Payment).where(Payment.invoice_id == invoice.id).order_by(Payment.id.desc())
    payments = session.scalars(query).all()
    living = [payment for payment in payments if payment.status not in FINAL]
    return next(iter(living or payments), None)


def collect(
    session: Session,
    *,
    customer: Customer,
    invoice: Invoice,
    payment_method: str | None,
    off_session: bool,
    kind: str,
    resource_type: str,
    resource_id: str,
    actor: Actor,
    now: datetime,
    of_new_resource: bool = False,
) -> Collected:
    """Add the payment of an invoice that has none, and the operation `kind` on the resource that its caller waits for.

    Without a payment method the gateway's object waits for one: its client secret lets the customer pay in the browser. The
    caller holds the invoice's lock. Raises OperationUnderWay.
    """
    payment = add_pending_payment(
        session,
        customer=customer,
        amount=Money(invoice.remaining_minor, invoice.currency),
        terms=PaymentTerms(
            payment_method=payment_method,
            confirm=payment_method is not None,
            capture=CaptureMethod.AUTOMATIC,
            off_session=off_session and payment_method is not None,
            return_url=None,
            description=f"Invoice {invoice.number}",
            metadata={},
        ),
        purpose=PaymentPurpose.INVOICE,
        invoice_id=invoice.id,
        actor=actor,
        now=now,
    )
    operation = operations.enqueue(
        session,
        kind=kind,
        customer_id=customer.id,
        resource_type=resource_type,
        resource_id=resource_id,
        params={"payment_id": public_id(PAYMENT_PREFIX, payment.id), "confirm": payment_method is not None},
        actor=actor,
        now=now,
        of_new_resource=of_new_resource,
    )
    return Collected(payment, operation)
