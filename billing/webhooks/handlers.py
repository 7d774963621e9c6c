"""What each type of event does. A handler has two halves: `observe` may ask the gateway and read in short transactions;
what it returns is applied in the transaction that also closes the event.

The object in the event is used only to find out what the event is about. Its state is fetched, so that neither the order nor
the number of deliveries matters.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.actor import GATEWAY
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.gateways.errors import GatewayObjectMissing
from billing.payment_methods.outcome import apply_attached, apply_detached
from billing.payments.dispute_outcome import apply_dispute
from billing.payments.observe import observe_intent
from billing.payments.outcome import apply_intent
from billing.payments.perform_evidence import observe_dispute
from billing.payments.perform_refund import observe_refunds
from billing.payments.refund_outcome import apply_refunds
from billing.payments.representation import PREFIX as PAYMENT_PREFIX
from billing.runtime import Runtime
from billing.setup_intents.outcome import apply_setup_intent
from billing.setup_intents.perform import observe_setup_intent
from billing.setup_intents.representation import PREFIX as SETUP_INTENT_PREFIX
from billing.webhooks.customer_events import forget_gateway_customer, mirror_default
from billing.webhooks.subscription_events import on_subscription, on_subscription_invoice, on_trial_end
from models.customer import Customer
from models.ids import named_row, public_id
from models.payment import Payment
from models.setup_intent import SetupIntent

Effect = Callable[[Session, datetime], str]
Handler = Callable[[Runtime, dict[str, Any]], Effect | None]


def on_payment_intent(runtime: Runtime, intent: dict[str, Any]) -> Effect | None:
    """Bring the payment to the intent's present state."""
    with runtime.transaction() as session:
        payment = _payment_of(session, gateway_id=intent.get("id"), metadata=intent.get("metadata"))
        if payment is None:
            return None
        _name_customer(payment.customer_id)
        gateway_customer = session.get_one(Customer, payment.customer_id).gateway_id
    observation = observe_intent(runtime, payment_id=payment.id, gateway_id=intent["id"])

    def effect(session: Session, now: datetime) -> str:
        payment, _, _ = apply_intent(
            session,
            observation=observation,
            gateway_customer=gateway_customer,
            livemode=runtime.settings.livemode,
            number_prefix=runtime.settings.INVOICE_PREFIX,
            actor=GATEWAY,
            now=now,
        )
        return f"payment is {payment.status}"

    return effect


def on_refund(runtime: Runtime, refund_or_charge: dict[str, Any]) -> Effect | None:
    """Bring the payment's refunds to their present state."""
    with runtime.transaction() as session:
        payment = _payment_of(session, gateway_id=refund_or_charge.get("payment_intent"), metadata=None)
    if payment is None:
        return None
    _name_customer(payment.customer_id)
    observation = observe_refunds(runtime, payment_id=payment.id)

    def effect(session: Session, now: datetime) -> str:
        applied = apply_refunds(session, observation=observation, actor=GATEWAY, now=now)
        return f"payment has {applied.amount_refunded_minor} refunded"

    return effect


def on_dispute(runtime: Runtime, dispute: dict[str, Any]) -> Effect | None:
    """Bring the dispute, and what its payment has left to refund, to their present state."""
    payment = _disputed_payment(runtime, gateway_id=dispute.get("payment_intent"))
    if payment is None:
        return None
    _name_customer(payment.customer_id)
    observation = observe_dispute(runtime, payment_id=payment.id, gateway_id=str(dispute.get("id")))

    def effect(session: Session, now: datetime) -> str:
        applied = apply_dispute(
            session, observation=observation, livemode=runtime.settings.livemode, actor=GATEWAY, now=now
        )
        return f"dispute is {applied.status}"

    return effect


def on_setup_intent(runtime: Runtime, intent: dict[str, Any]) -> Effect | None:
    """Bring the setup intent to its present state and keep the payment method that it saved."""
    with runtime.transaction() as session:
        ours = session.scalar(select(SetupIntent).where(SetupIntent.gateway_id == str(intent.get("id"))))
        if ours is None:
            named = named_row(SETUP_INTENT_PREFIX, intent.get("metadata"), "setup_intent_id")
            ours = session.get(SetupIntent, named) if named is not None else None
    if ours is None:
        return None
    _name_customer(ours.customer_id)
    observation = observe_setup_intent(runtime, setup_intent_id=ours.id, gateway_id=intent["id"])

    def effect(session: Session, now: datetime) -> str:
        applied = apply_setup_intent(
            session, observation=observation, livemode=runtime.settings.livemode, actor=GATEWAY, now=now
        )
        return f"setup intent is {applied.status}"

    return effect


def on_payment_method(runtime: Runtime, method: dict[str, Any]) -> Effect | None:
    """Keep or forget the payment method, by whether the gateway has it attached to one of our customers."""
    payment_method = str(method.get("id"))
    try:
        snapshot = runtime.gateway.get_payment_method(gateway_id=payment_method)
    except GatewayObjectMissing:
        snapshot = None
    with runtime.transaction() as session:
        customer = _customer_of(session, gateway_id=snapshot.customer if snapshot else None)
    if customer is not None:
        _name_customer(customer.id)

    def effect(session: Session, now: datetime) -> str:
        if snapshot is None or customer is None:
            apply_detached(session, payment_method=payment_method, actor=GATEWAY, now=now)
            return "payment method is detached"
        apply_attached(session, customer_id=customer.id, snapshot=snapshot, set_default=False, actor=GATEWAY, now=now)
        return "payment method is attached"

    return effect


def on_customer(runtime: Runtime, customer: dict[str, Any]) -> Effect | None:
    """Follow the gateway's default payment method, and the deletion of its customer."""
    gateway_id = str(customer.get("id"))
    with runtime.transaction() as session:
        ours = _customer_of(session, gateway_id=gateway_id)
    if ours is None:
        return None
    _name_customer(ours.id)
    try:
        snapshot = runtime.gateway.get_customer(gateway_id=gateway_id)
    except GatewayObjectMissing:
        snapshot = None

    def effect(session: Session, now: datetime) -> str:
        if snapshot is None or snapshot.deleted:
            forget_gateway_customer(session, customer_id=ours.id, gateway_id=gateway_id, actor=GATEWAY, now=now)
            return "the gateway's customer is gone"
        mirror_default(
            session, customer_id=ours.id, payment_method=snapshot.default_payment_method, actor=GATEWAY, now=now
        )
        return "customer is up to date"

    return effect


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(
        (
            "payment_intent.amount_capturable_updated",
            "payment_intent.canceled",
            "payment_intent.payment_failed",
            "payment_intent.processing",
            "payment_intent.requires_action",
            "payment_intent.succeeded",
        ),
        on_payment_intent,
    ),
    **dict.fromkeys(("charge.refunded", "refund.created", "refund.updated", "refund.failed"), on_refund),
    **dict.fromkeys(
        (
            "charge.dispute.closed",
            "charge.dispute.created",
            "charge.dispute.funds_reinstated",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.updated",
        ),
        on_dispute,
    ),
    **dict.fromkeys(
        (
            "setup_intent.canceled",
            "setup_intent.created",
            "setup_intent.requires_action",
            "setup_intent.setup_failed",
            "setup_intent.succeeded",
        ),
        on_setup_intent,
    ),
    **dict.fromkeys(
        (
            "payment_method.attached",
            "payment_method.automatically_updated",
            "payment_method.detached",
            "payment_method.updated",
        ),
        on_payment_method,
    ),
    **dict.fromkeys(("customer.deleted", "customer.updated"), on_customer),
    **dict.fromkeys(
        (
            "customer.subscription.created",
            "customer.subscription.deleted",
            "customer.subscription.paused",
            "customer.subscription.resumed",
            "customer.subscription.updated",
            # The names that the service's own specification gives them; Stripe does not send these.
            "subscription.created",
            "subscription.deleted",
            "subscription.updated",
        ),
        on_subscription,
    ),
    "customer.subscription.trial_will_end": on_trial_end,
    **dict.fromkeys(("invoice.paid", "invoice.payment_failed"), on_subscription_invoice),
}


def _name_customer(customer_id: UUID) -> None:
    """Name the customer on every further log line of this event."""
    structlog.contextvars.bind_contextvars(customer_id=public_id(CUSTOMER_PREFIX, customer_id))


def _payment_of(session: Session, *, gateway_id: object, metadata: object) -> Payment | None:
    if not isinstance(gateway_id, str):
        return None
    payment = session.scalar(select(Payment).where(Payment.gateway_id == gateway_id))
    if payment is None:
        # The event may come before our own answer: the object names our row.
        named = named_row(PAYMENT_PREFIX, metadata, "payment_id")
        payment = session.get(Payment, named) if named is not None else None
    return payment


def _disputed_payment(runtime: Runtime, *, gateway_id: object) -> Payment | None:
    """Return our payment of a disputed intent; where we do not know the intent yet, it is asked which payment it is of."""
    with runtime.transaction() as session:
        payment = _payment_of(session, gateway_id=gateway_id, metadata=None)
    if payment is not None or not isinstance(gateway_id, str):
        return payment
    try:
        intent = runtime.gateway.get_intent(gateway_id=gateway_id)
    except GatewayObjectMissing:
        return None
    with runtime.transaction() as session:
        return _payment_of(session, gateway_id=gateway_id, metadata=intent.metadata)


def _customer_of(session: Session, *, gateway_id: str | None) -> Customer | None:
    return session.scalar(select(Customer).where(Customer.gateway_id == gateway_id)) if gateway_id else None
