"""Process: attach or detach a payment method at the gateway, under the key of the committed operation."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.customers.gateway_customer import ensure_gateway_customer
from billing.gateways.errors import GatewayObjectMissing
from billing.gateways.snapshots import PaymentMethodSnapshot
from billing.operation_outcome import OperationOutcome
from billing.payment_methods.outcome import apply_attached, apply_detached
from billing.payment_methods.representation import payment_method_representation
from billing.payment_methods.requests import PaymentMethodNotFound
from billing.runtime import Runtime
from models.operation import Operation
from models.payment_method import PaymentMethod


class PaymentMethodSettlement:
    """What the call brought. Nothing newer can come in between, so there is nothing to ask again."""

    def __init__(self, effect: Callable[[Session, Actor, datetime], OperationOutcome]) -> None:
        self._effect = effect

    def refresh(self, runtime: Runtime) -> None:
        """Keep the answer: attachments and detachments carry no version."""

    def apply(self, session: Session, *, actor: Actor, now: datetime) -> OperationOutcome:
        """Apply the effect and say what the operation's outcome is."""
        return self._effect(session, actor, now)


def perform_attachment(runtime: Runtime, *, operation: Operation, now: datetime) -> PaymentMethodSettlement:
    """Attach the payment method, and make it the default at the gateway when asked.

    Raises Unavailable while the outcome is unknown, Declined when the issuer refuses the card, GatewayRefused.
    """
    gateway_customer = ensure_gateway_customer(runtime, customer_id=operation.of_customer, now=now)
    set_default = bool(operation.params["set_default"])
    snapshot = runtime.gateway.attach_payment_method(
        gateway_id=operation.resource_id, gateway_customer=gateway_customer, idempotency_key=_key(operation)
    )
    if set_default:
        runtime.gateway.set_default_payment_method(gateway_id=gateway_customer, payment_method=snapshot.id)
    return PaymentMethodSettlement(_attached(operation.of_customer, snapshot, set_default=set_default))


def perform_detachment(runtime: Runtime, *, operation: Operation, now: datetime) -> PaymentMethodSettlement:  # noqa: ARG001 - every performer is told the time
    """Detach the payment method; one that the gateway no longer has is detached already."""
    with suppress(GatewayObjectMissing):
        runtime.gateway.detach_payment_method(gateway_id=operation.resource_id, idempotency_key=_key(operation))
    return PaymentMethodSettlement(_detached(operation.resource_id))


def _attached(
    customer_id: UUID, snapshot: PaymentMethodSnapshot, *, set_default: bool
) -> Callable[[Session, Actor, datetime], OperationOutcome]:
    def effect(session: Session, actor: Actor, now: datetime) -> OperationOutcome:
        method = apply_attached(
            session, customer_id=customer_id, snapshot=snapshot, set_default=set_default, actor=actor, now=now
        )
        return OperationOutcome.succeeded(201, payment_method_representation(method))

    return effect


def _detached(payment_method: str) -> Callable[[Session, Actor, datetime], OperationOutcome]:
    def effect(session: Session, actor: Actor, now: datetime) -> OperationOutcome:
        apply_detached(session, payment_method=payment_method, actor=actor, now=now)
        method = session.get(PaymentMethod, payment_method)
        if method is None:
            raise PaymentMethodNotFound(f"there is no payment method {payment_method!r}")
        return OperationOutcome.succeeded(200, payment_method_representation(method))

    return effect


def _key(operation: Operation) -> str:
    return f"operation-{operation.id}"
