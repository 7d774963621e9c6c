"""Use case: apply what the gateway says about a payment method. The synchronous answer and the webhook both end here.

The row of the customer is locked first, so that two observations of one customer's methods are applied one after the other.
A detachment is final at the gateway, so an observation from before it is recognised by that alone.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import audit
from billing.actor import Actor
from billing.dunning.new_card import try_new_card
from billing.facts import record_fact
from billing.gateways.snapshots import PaymentMethodSnapshot
from billing.payment_methods.representation import payment_method_representation
from models.customer import Customer
from models.payment_method import PaymentMethod


def apply_attached(
    session: Session,
    *,
    customer_id: UUID,
    snapshot: PaymentMethodSnapshot,
    set_default: bool,
    actor: Actor,
    now: datetime,
) -> PaymentMethod:
    """Keep an attached payment method as it was observed; the customer's first one becomes the default."""
    session.scalars(select(Customer).where(Customer.id == customer_id).with_for_update()).one()
    method = session.get(PaymentMethod, snapshot.id, populate_existing=True)
    before: dict[str, object] = {}
    if method is None:
        method = PaymentMethod(id=snapshot.id, customer_id=customer_id, attached_at=now, is_default=False)
        session.add(method)
    elif method.detached_at is not None:
        return method
    else:
        before = payment_method_representation(method)
    _copy(method, snapshot)
    if set_default or _default_of(session, customer_id=customer_id) is None:
        _replace_default(session, method, now=now)
    session.flush()
    action = "payment_method.updated" if before else "payment_method.attached"
    _record(session, method, before=before, action=action, actor=actor, now=now)
    return method


def make_default(session: Session, *, method: PaymentMethod, actor: Actor, now: datetime) -> None:
    """Make an attached payment method the default of its customer, whose row is locked."""
    before = payment_method_representation(method)
    _replace_default(session, method, now=now)
    _record(session, method, before=before, action="payment_method.updated", actor=actor, now=now)


def apply_detached(session: Session, *, payment_method: str, actor: Actor, now: datetime) -> None:
    """Mark a payment method as detached; one that we never knew needs no mark."""
    method = session.scalar(select(PaymentMethod).where(PaymentMethod.id == payment_method).with_for_update())
    if method is None or method.detached_at is not None:
        return
    before = payment_method_representation(method)
    method.is_default = False
    method.detached_at = now
    session.flush()
    _record(session, method, before=before, action="payment_method.detached", actor=actor, now=now)


def _copy(method: PaymentMethod, snapshot: PaymentMethodSnapshot) -> None:
    method.type = snapshot.type
    method.brand = snapshot.brand
    method.last4 = snapshot.card_last4 or snapshot.debit_last4
    method.exp_month = snapshot.exp_month
    method.exp_year = snapshot.exp_year
    method.funding = snapshot.funding
    method.country = snapshot.card_country or snapshot.debit_country
    method.fingerprint = snapshot.card_fingerprint or snapshot.debit_fingerprint


def _replace_default(session: Session, method: PaymentMethod, *, now: datetime) -> None:
    current = _default_of(session, customer_id=method.customer_id)
    if current is method:
        return
    if current is not None:
        current.is_default = False
        session.flush()
    method.is_default = True
    session.flush()
    try_new_card(session, customer_id=method.customer_id, now=now)


def _default_of(session: Session, *, customer_id: UUID) -> PaymentMethod | None:
    return session.scalar(
        select(PaymentMethod).where(PaymentMethod.customer_id == customer_id, PaymentMethod.is_default)
    )


def _record(
    session: Session, method: PaymentMethod, *, before: dict[str, object], action: str, actor: Actor, now: datetime
) -> None:
    representation = payment_method_representation(method)
    changed_before, changed_after = audit.changed_fields(before, representation)
    if not changed_after and action == "payment_method.updated":
        return
    record_fact(
        session,
        fact=action,
        object_type="payment_method",
        state=representation,
        customer_id=method.customer_id,
        before=changed_before or None,
        after={**changed_after, "customer_id": representation["customer_id"]},
        actor=actor,
        now=now,
    )
