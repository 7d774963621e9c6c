"""Use case: collect an issued invoice. It gets one payment, whose operation takes it to the gateway."""

from datetime import datetime
from typing import NamedTuple

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
    return session.scalar(
        select(PaymentMethod.id).where(PaymentMethod.customer_id == customer.id, PaymentMethod.is_default)
    )


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

    Without a payment method, neither named nor the customer's default, the gateway's object waits for one: its client secret
    lets the customer pay in the browser. The caller holds the invoice's lock. Raises OperationUnderWay.
    """
    method = payment_method or default_payment_method(session, customer=customer)
    payment = add_pending_payment(
        session,
        customer=customer,
        amount=Money(invoice.remaining_minor, invoice.currency),
        terms=PaymentTerms(
            payment_method=method,
            confirm=method is not None,
            capture=CaptureMethod.AUTOMATIC,
            off_session=off_session and method is not None,
            return_url=None,
            description=f"Invoice {invoice.number}",
            metadata={},
        ),
        purpose=PaymentPurpose.INVOICE,
        invoice_id=invoice.id,
        actor=actor,
        now=now,
    )
    session.flush()
    operation = operations.enqueue(
        session,
        kind=kind,
        customer_id=customer.id,
        resource_type=resource_type,
        resource_id=resource_id,
        params={"payment_id": public_id(PAYMENT_PREFIX, payment.id), "confirm": method is not None},
        actor=actor,
        now=now,
        of_new_resource=of_new_resource,
    )
    return Collected(payment, operation)
