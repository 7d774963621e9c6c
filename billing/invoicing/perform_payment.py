"""Process: take the payment of an invoice to the gateway, and then let the invoice follow; performed once for each of the two.

The money comes first: its settlement commits what the payment has become, and leaves the operation open. Then the invoice and
what it is of follow the payment, and the operation has its outcome. Whoever is cut off between the two finds the attempt
answered, and goes on.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.invoicing.find import represented as invoices_represented
from billing.invoicing.follow_payment import follow_payment
from billing.invoicing.prefixes import INVOICE_PREFIX
from billing.operation_outcome import OperationOutcome, Settlement
from billing.payments.perform import PaymentSettlement, payment_id_of, perform_payment_operation, why_not_paid
from billing.payments.representation import payment_representation
from billing.runtime import Runtime
from billing.subscriptions.create import OPERATION_KIND as CREATE_KIND
from billing.subscriptions.find import represented as subscriptions_represented
from models.ids import public_id
from models.operation import Operation
from models.payment import Payment, PaymentAttempt
from models.subscription import Subscription

SUBSCRIPTION = "subscription"


class PaymentMade:
    """What the gateway said of the payment; the invoice follows in the operation's next step."""

    def __init__(self, payment: PaymentSettlement) -> None:
        self._payment = payment

    def refresh(self, runtime: Runtime) -> None:
        """Ask the gateway again, because another observation came in between."""
        self._payment.refresh(runtime)

    def apply(self, session: Session, *, actor: Actor, now: datetime) -> None:
        """Bring the payment to its new state, whatever that is."""
        self._payment.apply(session, actor=actor, now=now)


class InvoiceFollows:
    """The invoice becomes what its payment has made of it, in the transaction that finishes the operation."""

    def __init__(self, payment_id: UUID, operation: Operation) -> None:
        self._payment_id = payment_id
        self._created = operation.kind == CREATE_KIND
        self._resource_type = operation.resource_type
        self._resource = {
            "subscription_id" if operation.resource_type == SUBSCRIPTION else "invoice_id": operation.resource_id
        }

    def refresh(self, runtime: Runtime) -> None:
        """Nothing: no gateway was asked."""

    def apply(self, session: Session, *, actor: Actor, now: datetime) -> OperationOutcome:
        """Say how subscription or invoice stands; a decline is an error, whose effects are committed all the same."""
        invoice = follow_payment(
            session,
            invoice_id=_invoice_of(session, self._payment_id),
            actor=actor,
            now=now,
        )
        payment = session.get_one(Payment, self._payment_id)
        error = why_not_paid(payment)
        if error is not None:
            error.extensions.update(self._resource, invoice_id=public_id(INVOICE_PREFIX, invoice.id))
            return OperationOutcome.failed(error)
        shown = payment_representation(payment, refunds=(), disputes=())
        if self._resource_type == SUBSCRIPTION and invoice.subscription_id is not None:
            (body,) = subscriptions_represented(session, [session.get_one(Subscription, invoice.subscription_id)])
            return OperationOutcome.succeeded(201 if self._created else 200, {**body, "payment": shown})
        (body,) = invoices_represented(session, [invoice])
        return OperationOutcome.succeeded(200, {**body, "payment": shown})


def perform_invoice_payment(runtime: Runtime, *, operation: Operation, now: datetime) -> Settlement:
    """Make the payment's call, or let the invoice follow when that is settled. Raises Unavailable: then it is performed again."""
    with runtime.transaction() as session:
        settled = session.scalar(select(PaymentAttempt.finished_at).where(PaymentAttempt.operation_id == operation.id))
    if settled is None:
        return PaymentMade(perform_payment_operation(runtime, operation=operation, now=now))
    return InvoiceFollows(payment_id_of(operation), operation)


def _invoice_of(session: Session, payment_id: UUID) -> UUID:
    invoice_id = session.scalars(select(Payment.invoice_id).where(Payment.id == payment_id)).one()
    if invoice_id is None:
        raise ValueError(f"the payment {payment_id} is of no invoice")
    return invoice_id
