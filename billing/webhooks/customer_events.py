"""Use cases behind the gateway's customer events: its default payment method, and its deletion."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import audit
from billing.actor import Actor
from billing.customers.representation import PREFIX
from billing.payment_methods.outcome import apply_detached, make_default
from models.customer import Customer
from models.ids import public_id
from models.payment_method import PaymentMethod


def mirror_default(
    session: Session, *, customer_id: UUID, payment_method: str | None, actor: Actor, now: datetime
) -> None:
    """Make the gateway's default payment method ours too. None, or one that we do not know, changes nothing."""
    session.scalars(select(Customer).where(Customer.id == customer_id).with_for_update()).one()
    method = session.get(PaymentMethod, payment_method, populate_existing=True) if payment_method else None
    if method is not None and method.customer_id == customer_id and method.detached_at is None:
        make_default(session, method=method, actor=actor, now=now)


def forget_gateway_customer(
    session: Session, *, customer_id: UUID, gateway_id: str, actor: Actor, now: datetime
) -> None:
    """Let go of a customer that was deleted at the gateway, with its payment methods; the next call makes a new one."""
    customer = session.scalars(
        select(Customer).where(Customer.id == customer_id).with_for_update(),
        execution_options={"populate_existing": True},
    ).one()
    if customer.gateway_id != gateway_id:
        return
    customer.gateway_id = None
    customer.gateway_generation += 1
    customer.updated_at = now
    attached = select(PaymentMethod.id).where(
        PaymentMethod.customer_id == customer_id, PaymentMethod.detached_at.is_(None)
    )
    for payment_method in session.scalars(attached).all():
        apply_detached(session, payment_method=payment_method, actor=actor, now=now)
    audit.record(
        session,
        actor=actor,
        action="customer.gateway_deleted",
        object_type="customer",
        object_id=public_id(PREFIX, customer_id),
        before={"gateway_id": gateway_id},
        after={"gateway_id": None},
        now=now,
    )
