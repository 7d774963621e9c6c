"""Process: take a refund to the gateway, under the key `refund-<id>` of its committed row."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.fail_points import fail_point
from billing.gateways.errors import GatewayKeyTooOld, GatewayRefused, require_key_in_force
from billing.gateways.snapshots import RefundSnapshot
from billing.operation_outcome import OperationOutcome
from billing.payments.find import disputes_of, refunds_of
from billing.payments.observe import PaymentNotAtGateway
from billing.payments.outcome import lock_payment
from billing.payments.purpose import tell_purpose
from billing.payments.refund_outcome import RefundsObservation, apply_refunds
from billing.payments.refundable import recount
from billing.payments.representation import REFUND_PREFIX, refund_representation
from billing.runtime import Runtime
from models.ids import public_id, row_id
from models.operation import Operation
from models.payment import Payment
from models.refund import Refund, RefundStatus


class RefundSettlement:
    """What the refund's call brought, ready to be applied in the transaction that finishes the operation."""

    def __init__(
        self,
        *,
        refund_id: UUID,
        payment_id: UUID,
        gateway_intent: str,
        version: int,
        answer: RefundSnapshot | GatewayRefused,
    ) -> None:
        self._refund_id = refund_id
        self._payment_id = payment_id
        self._gateway_intent = gateway_intent
        self._refusal = answer if isinstance(answer, GatewayRefused) else None
        snapshots = [answer] if isinstance(answer, RefundSnapshot) else []
        self._observation = RefundsObservation(payment_id, version, snapshots)

    def refresh(self, runtime: Runtime) -> None:
        """Ask the gateway for all refunds of the payment, because another observation came in between."""
        self._observation = observe_refunds(runtime, payment_id=self._payment_id)

    def apply(self, session: Session, *, actor: Actor, now: datetime) -> OperationOutcome:
        """Bring the refund to its new state; one that the gateway refused gives its amount back to what is left."""
        if self._refusal is not None:
            _give_back(session, payment_id=self._payment_id, refund_id=self._refund_id, refusal=self._refusal, now=now)
            return OperationOutcome.failed(self._refusal)
        apply_refunds(session, observation=self._observation, actor=actor, now=now)
        return OperationOutcome.succeeded(201, refund_representation(session.get_one(Refund, self._refund_id)))


def perform_refund_operation(runtime: Runtime, *, operation: Operation, now: datetime) -> RefundSettlement:
    """Make the refund's call and return what it brought. Raises Unavailable while the outcome is unknown."""
    refund_id = refund_id_of(operation)
    public = public_id(REFUND_PREFIX, refund_id)
    payment_id, gateway_intent, version = _refunded_payment(runtime, refund_id=refund_id)
    with runtime.transaction() as session:
        refund = session.get_one(Refund, refund_id)
    answer: RefundSnapshot | GatewayRefused
    fail_point("refund.before_call")
    try:
        require_key_in_force(first_used_at=operation.created_at, now=now)
        answer = runtime.gateway.create_refund(
            gateway_intent=gateway_intent,
            amount_minor=refund.amount_minor,
            reason=refund.reason,
            refund_id=public,
            idempotency_key=refund.idempotency_key,
        )
    except GatewayRefused as refusal:
        answer = refusal
    except GatewayKeyTooOld:
        found = _look_up(runtime, gateway_intent=gateway_intent, refund_id=public)
        if found is None:
            raise
        answer = found
    fail_point("refund.answered")
    return RefundSettlement(
        refund_id=refund_id, payment_id=payment_id, gateway_intent=gateway_intent, version=version, answer=answer
    )


def refund_id_of(operation: Operation) -> UUID:
    """Return the refund that an operation makes: the one that it names, or its resource."""
    return row_id(REFUND_PREFIX, str(operation.params.get("refund_id", operation.resource_id)))


class RefundNotMade(GatewayRefused):
    """A person found that the refund's call never reached the gateway."""

    code = "refund_not_made"


def look_up_refund(runtime: Runtime, *, refund_id: UUID) -> RefundSettlement | None:
    """Return what the gateway shows of a refund that nobody takes there any more; None when it shows nothing."""
    payment_id, gateway_intent, version = _refunded_payment(runtime, refund_id=refund_id)
    found = _look_up(runtime, gateway_intent=gateway_intent, refund_id=public_id(REFUND_PREFIX, refund_id))
    if found is None:
        return None
    return RefundSettlement(
        refund_id=refund_id, payment_id=payment_id, gateway_intent=gateway_intent, version=version, answer=found
    )


def refund_not_made(runtime: Runtime, *, refund_id: UUID, detail: str) -> RefundSettlement:
    """Return the end of a refund of which a person knows that it never reached the gateway: its amount is given back."""
    payment_id, gateway_intent, version = _refunded_payment(runtime, refund_id=refund_id)
    refusal = RefundNotMade(detail, gateway_code="not_made", parameter=None)
    return RefundSettlement(
        refund_id=refund_id, payment_id=payment_id, gateway_intent=gateway_intent, version=version, answer=refusal
    )


def _refunded_payment(runtime: Runtime, *, refund_id: UUID) -> tuple[UUID, str, int]:
    """Return the payment of a refund, its object at the gateway, and its version."""
    with runtime.transaction() as session:
        payment = session.get_one(Payment, session.get_one(Refund, refund_id).payment_id)
    if payment.gateway_id is None:
        raise PaymentNotAtGateway("a payment that is to be refunded has no object at the gateway")
    return payment.id, payment.gateway_id, payment.version


def _look_up(runtime: Runtime, *, gateway_intent: str, refund_id: str) -> RefundSnapshot | None:
    """Return the gateway's refund that names ours, if the first call made one."""
    refunds = runtime.gateway.list_refunds(gateway_intent=gateway_intent)
    return next((refund for refund in refunds if refund.metadata.get("refund_id") == refund_id), None)


def observe_refunds(runtime: Runtime, *, payment_id: UUID) -> RefundsObservation:
    """Read the payment's version, then fetch all of its refunds."""
    with runtime.transaction() as session:
        payment = session.get_one(Payment, payment_id)
        version, gateway_intent = payment.version, payment.gateway_id
    if gateway_intent is None:
        raise PaymentNotAtGateway("the refunds of a payment that has no object at the gateway were asked for")
    return RefundsObservation(payment_id, version, runtime.gateway.list_refunds(gateway_intent=gateway_intent))


def _give_back(session: Session, *, payment_id: UUID, refund_id: UUID, refusal: GatewayRefused, now: datetime) -> None:
    payment = lock_payment(session, payment_id=payment_id)
    refund = session.get_one(Refund, refund_id, populate_existing=True)
    if refund.status is RefundStatus.PENDING and refund.gateway_id is None:
        refund.status, refund.failure_reason, refund.updated_at = RefundStatus.FAILED, refusal.gateway_code, now
        recount(
            payment,
            refunds=refunds_of(session, payment_id=payment_id),
            disputes=disputes_of(session, payment_id=payment_id),
        )
        payment.updated_at = now
        tell_purpose(session, payment, (), now=now)
