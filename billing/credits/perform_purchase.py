"""Process: take a purchase's operation to the gateway, and then give the credits. It is performed once for each of the two.

The money comes first: its settlement commits what the payment has become, and leaves the operation open. Then the credits follow
the payment, and the operation has its outcome. Whoever is cut off between the two finds the attempt answered, and goes on.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.credits.follow_payment import follow_payment
from billing.credits.purchase_representation import purchase_with_payment
from billing.operation_outcome import OperationOutcome, Settlement
from billing.payments.find import disputes_of, refunds_of
from billing.payments.perform import PaymentSettlement, payment_id_of, perform_payment_operation
from billing.runtime import Runtime
from models.credits import CreditPurchase
from models.operation import Operation
from models.payment import Payment, PaymentAttempt, PaymentStatus


class PurchasePaid:
    """What the gateway said of the payment."""

    def __init__(self, payment: PaymentSettlement) -> None:
        self._payment = payment

    def refresh(self, runtime: Runtime) -> None:
        """Ask the gateway again, because another observation came in between."""
        self._payment.refresh(runtime)

    def apply(self, session: Session, *, actor: Actor, now: datetime) -> OperationOutcome | None:
        """Bring the payment to its new state; None when it is paid: then the credits come next."""
        outcome = self._payment.apply(session, actor=actor, now=now)
        if outcome.error is not None:
            return outcome
        if session.get_one(Payment, self._payment.payment_id).status is PaymentStatus.SUCCEEDED:
            return None
        return _outcome(session, self._payment.payment_id)


class PurchaseCredited:
    """The credits are what the payment has paid for."""

    def __init__(self, purchase_id: UUID) -> None:
        self._purchase_id = purchase_id

    def refresh(self, runtime: Runtime) -> None:
        """Nothing: no gateway was asked."""

    def apply(self, session: Session, *, actor: Actor, now: datetime) -> OperationOutcome:  # noqa: ARG002 - a Settlement's
        """Say how the purchase stands."""
        return _outcome(session, self._purchase_id)


def perform_purchase(runtime: Runtime, *, operation: Operation, now: datetime) -> Settlement:
    """Make the payment's call, or give the credits when that is settled. Raises Unavailable: then it is performed again."""
    purchase_id = payment_id_of(operation)
    with runtime.transaction() as session:
        settled = session.scalar(select(PaymentAttempt.finished_at).where(PaymentAttempt.operation_id == operation.id))
    if settled is None:
        return PurchasePaid(perform_payment_operation(runtime, operation=operation, now=now))
    follow_payment(runtime, purchase_id=purchase_id, now=now)
    return PurchaseCredited(purchase_id)


def _outcome(session: Session, purchase_id: UUID) -> OperationOutcome:
    purchase, payment = session.get_one(CreditPurchase, purchase_id), session.get_one(Payment, purchase_id)
    refunds = refunds_of(session, payment_id=purchase_id)
    disputes = disputes_of(session, payment_id=purchase_id)
    return OperationOutcome.succeeded(201, purchase_with_payment(purchase, payment, refunds=refunds, disputes=disputes))
