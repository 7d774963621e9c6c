"""Use cases: ask for a payment to be confirmed, captured or canceled. Each locks the payment, checks where it stands, and
leaves an operation; the gateway hears of it from a worker."""

from datetime import datetime

from sqlalchemy.orm import Session

from billing import audit, operations
from billing.actor import Actor
from billing.errors import FieldFault, Invalid
from billing.payments.lifecycle import CANCELABLE, CAPTURABLE, CONFIRMABLE, require_state
from billing.payments.representation import PREFIX
from models.ids import public_id
from models.operation import Operation
from models.payment import Payment

CONFIRM_KIND = "payment.confirm"
CAPTURE_KIND = "payment.capture"
CANCEL_KIND = "payment.cancel"


class CaptureTooLarge(Invalid):
    """More was to be captured than was reserved."""

    code = "capture_too_large"


class PaymentMethodMissing(Invalid):
    """The payment has no payment method yet, and none was named."""

    code = "payment_method_missing"


def request_confirmation(
    session: Session,
    *,
    payment: Payment,
    payment_method: str | None,
    return_url: str | None,
    actor: Actor,
    now: datetime,
) -> Operation:
    """Ask to confirm a locked payment with its own or another payment method.

    Raises PaymentNotInState, PaymentMethodMissing, OperationUnderWay.
    """
    require_state(payment, allowed=CONFIRMABLE, to="confirm")
    if payment_method is None and payment.payment_method_id is None:
        detail = "the payment has no payment method yet; name one"
        raise PaymentMethodMissing(detail, errors=[FieldFault("/payment_method", "missing", detail)])
    params: dict[str, object] = {
        "payment_method": payment_method or payment.payment_method_id,
        "return_url": return_url or payment.return_url,
    }
    return _enqueue(session, payment, kind=CONFIRM_KIND, params=params, actor=actor, now=now)


def request_capture(
    session: Session, *, payment: Payment, amount_minor: int | None, actor: Actor, now: datetime
) -> Operation:
    """Ask to take what a locked payment has reserved, or a part of it; the rest is given back.

    Raises PaymentNotInState, CaptureTooLarge, OperationUnderWay.
    """
    require_state(payment, allowed=CAPTURABLE, to="capture")
    if amount_minor is not None and amount_minor > payment.amount_minor:
        detail = (
            f"{amount_minor} is more than the {payment.amount_minor} {payment.currency} minor units that are reserved"
        )
        raise CaptureTooLarge(detail, errors=[FieldFault("/amount", "too_large", detail)])
    return _enqueue(session, payment, kind=CAPTURE_KIND, params={"amount": amount_minor}, actor=actor, now=now)


def request_cancellation(session: Session, *, payment: Payment, actor: Actor, now: datetime) -> Operation:
    """Ask to cancel a locked payment that has not succeeded. Raises PaymentNotInState, OperationUnderWay."""
    require_state(payment, allowed=CANCELABLE, to="cancel")
    return _enqueue(session, payment, kind=CANCEL_KIND, params={}, actor=actor, now=now)


def _enqueue(
    session: Session, payment: Payment, *, kind: str, params: dict[str, object], actor: Actor, now: datetime
) -> Operation:
    public = public_id(PREFIX, payment.id)
    audit.record(
        session,
        actor=actor,
        action=f"{kind}_requested",
        object_type="payment",
        object_id=public,
        before=None,
        after=params,
        now=now,
    )
    return operations.enqueue(
        session,
        kind=kind,
        customer_id=payment.customer_id,
        resource_type="payment",
        resource_id=public,
        params=params,
        actor=actor,
        now=now,
    )
