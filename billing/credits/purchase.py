"""Use case: accept a purchase of credits. It is a payment, of the same id, whose money turns into credits when it is there."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing import operations
from billing.actor import Actor
from billing.credits.answers import CreditLimitExceeded
from billing.credits.prefixes import PURCHASE_PREFIX
from billing.errors import FieldFault, Invalid
from billing.payments.create import PaymentTerms, add_pending_payment
from billing.payments.lifecycle import FINAL
from models.credits import CreditAccount, CreditPurchase
from models.customer import Customer
from models.ids import public_id
from models.money import Money
from models.operation import Operation
from models.payment import CaptureMethod, Payment, PaymentPurpose, PaymentStatus

OPERATION_KIND = "credits.purchase"
# Of these the money may still come, or has come and the credits not yet. One that was declined, or left by its customer, does
# not take up room for ever.
_UNDER_WAY = frozenset(PaymentStatus) - FINAL - {PaymentStatus.REQUIRES_PAYMENT_METHOD} | {PaymentStatus.SUCCEEDED}
_LEFT_AFTER = timedelta(days=1)


class PurchaseTooSmall(Invalid):
    """Fewer credits are asked for than MIN_CREDIT_PURCHASE."""

    code = "credit_purchase_too_small"


class Limits(NamedTuple):
    """How few credits are sold at once, and how many a customer may have."""

    purchase_min: int
    balance_max: int


def create_purchase(
    session: Session,
    *,
    customer: Customer,
    credits_: int,
    price: Money,
    payment_method: str,
    off_session: bool,
    return_url: str | None,
    metadata: dict[str, str],
    limits: Limits,
    actor: Actor,
    now: datetime,
) -> tuple[CreditPurchase, Payment, Operation]:
    """Add a purchase with its pending payment, and the operation that takes the money and then gives the credits.

    The customer's row is locked by the caller, so that two purchases cannot both use the room below the limit. What the
    customer has is read from Postgres, which is behind the credits server by what is not drained yet: some tens of
    milliseconds. Raises PurchaseTooSmall, CreditLimitExceeded.
    """
    if credits_ < limits.purchase_min:
        detail = f"{credits_} credits are asked for; the smallest purchase is {limits.purchase_min}"
        raise PurchaseTooSmall(detail, errors=[FieldFault("/amount", "too_small", detail)])
    _require_room(session, customer, credits_, balance_max=limits.balance_max, now=now)
    terms = PaymentTerms(
        payment_method=payment_method,
        confirm=True,
        capture=CaptureMethod.AUTOMATIC,
        off_session=off_session,
        return_url=return_url,
        description=f"{credits_} credits",
        metadata=metadata,
    )
    payment = add_pending_payment(
        session, customer=customer, amount=price, terms=terms, purpose=PaymentPurpose.CREDITS, actor=actor, now=now
    )
    purchase = CreditPurchase(
        id=payment.id,
        customer_id=customer.id,
        credits=credits_,
        price_minor=price.amount_minor,
        currency=price.currency,
        granted=0,
        refunded=0,
        disputed=0,
        released=0,
        created_at=now,
    )
    session.flush()
    session.add(purchase)
    operation = operations.enqueue(
        session,
        kind=OPERATION_KIND,
        customer_id=customer.id,
        resource_type="credit_purchase",
        resource_id=public_id(PURCHASE_PREFIX, purchase.id),
        params={"confirm": True},
        actor=actor,
        now=now,
        of_new_resource=True,
    )
    return purchase, payment, operation


def _require_room(session: Session, customer: Customer, credits_: int, *, balance_max: int, now: datetime) -> None:
    account = session.get(CreditAccount, customer.id)
    has = account.balance + account.held if account is not None else 0
    under_way = session.scalars(
        select(func.coalesce(func.sum(CreditPurchase.credits), 0))
        .join(Payment, Payment.id == CreditPurchase.id)
        .where(
            CreditPurchase.customer_id == customer.id,
            CreditPurchase.granted == 0,
            CreditPurchase.created_at > now - _LEFT_AFTER,
            Payment.status.in_(_UNDER_WAY),
        )
    ).one()
    if has + under_way + credits_ > balance_max:
        raise CreditLimitExceeded(
            f"{credits_} more would be above the most that a customer may hold, {balance_max}: "
            f"it has {has}, and {under_way} more are being bought"
        )
