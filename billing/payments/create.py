"""Use case: accept a payment. The gateway hears of it from a worker."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from billing import operations
from billing.actor import Actor
from billing.facts import record_fact
from billing.payments.representation import PREFIX, event_payload
from models.customer import Customer
from models.ids import new_id, public_id
from models.money import Money
from models.operation import Operation
from models.payment import CaptureMethod, Payment, PaymentPurpose, PaymentStatus

OPERATION_KIND = "payment.create"


class PaymentTerms(NamedTuple):
    """What the caller asked for, beside customer and amount."""

    payment_method: str | None
    confirm: bool
    capture: CaptureMethod
    off_session: bool
    return_url: str | None
    description: str | None
    metadata: dict[str, str]


def create_payment(
    session: Session, *, customer: Customer, amount: Money, terms: PaymentTerms, actor: Actor, now: datetime
) -> tuple[Payment, Operation]:
    """Add a pending payment and the operation that takes it to the gateway.

    `amount` is one that the gateway can charge (see chargeable.py). `off_session` implies `confirm`.
    """
    payment = add_pending_payment(
        session, customer=customer, amount=amount, terms=terms, purpose=PaymentPurpose.SALE, actor=actor, now=now
    )
    operation = operations.enqueue(
        session,
        kind=OPERATION_KIND,
        customer_id=customer.id,
        resource_type="payment",
        resource_id=public_id(PREFIX, payment.id),
        params={"confirm": terms.confirm or terms.off_session},
        actor=actor,
        now=now,
        of_new_resource=True,
    )
    return payment, operation


def add_pending_payment(
    session: Session,
    *,
    customer: Customer,
    amount: Money,
    terms: PaymentTerms,
    purpose: PaymentPurpose,
    actor: Actor,
    now: datetime,
    invoice_id: UUID | None = None,
) -> Payment:
    """Add a pending payment, of an invoice where that is its purpose.

    An operation of the same transaction takes it to the gateway.
    """
    payment = Payment(
        id=new_id(),
        customer_id=customer.id,
        status=PaymentStatus.PENDING,
        purpose=purpose,
        invoice_id=invoice_id,
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        capture=terms.capture,
        payment_method_id=terms.payment_method,
        off_session=terms.off_session,
        return_url=terms.return_url,
        description=terms.description,
        metadata_=terms.metadata,
        amount_captured_minor=0,
        amount_refunded_minor=0,
        amount_disputed_minor=0,
        version=0,
        created_at=now,
        updated_at=now,
    )
    session.add(payment)
    representation = event_payload(payment, refunds=(), disputes=())
    with session.no_autoflush:  # all rows are new: they are written in one go at the end
        record_fact(
            session,
            fact="payment.created",
            object_type="payment",
            state=representation,
            customer_id=customer.id,
            before=None,
            after=representation,
            actor=actor,
            now=now,
        )
    return payment
