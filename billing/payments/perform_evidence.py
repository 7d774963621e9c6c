"""Process: take evidence to the gateway, under the key of the committed operation, and see how the dispute then stands."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.gateways.errors import require_key_in_force
from billing.operation_outcome import OperationOutcome
from billing.payments.dispute_outcome import DisputeObservation, apply_dispute
from billing.payments.representation import DISPUTE_PREFIX, dispute_representation
from billing.runtime import Runtime
from models.dispute import Dispute
from models.ids import row_id
from models.operation import Operation
from models.payment import Payment


class EvidenceSettlement:
    """The dispute with its evidence, ready to be applied in the transaction that finishes the operation."""

    def __init__(self, observation: DisputeObservation, *, livemode: bool) -> None:
        self._observation = observation
        self._livemode = livemode

    def refresh(self, runtime: Runtime) -> None:
        """Ask the gateway again, because another observation came in between."""
        self._observation = observe_dispute(
            runtime, payment_id=self._observation.payment_id, gateway_id=self._observation.dispute.id
        )

    def apply(self, session: Session, *, actor: Actor, now: datetime) -> OperationOutcome:
        """Bring the dispute to its new state and say what the operation's outcome is."""
        dispute = apply_dispute(session, observation=self._observation, livemode=self._livemode, actor=actor, now=now)
        return OperationOutcome.succeeded(200, dispute_representation(dispute))


def perform_evidence_operation(runtime: Runtime, *, operation: Operation, now: datetime) -> EvidenceSettlement:
    """Add the evidence, then fetch the dispute.

    The answer itself is not used: under a repeated key it is the one of the first time, and may be older than what we know.
    Raises Unavailable while the outcome is unknown, GatewayRefused.
    """
    require_key_in_force(first_used_at=operation.created_at, now=now)
    with runtime.transaction() as session:
        dispute = session.get_one(Dispute, row_id(DISPUTE_PREFIX, operation.resource_id))
    runtime.gateway.add_evidence(
        gateway_id=dispute.gateway_id,
        evidence=operation.params["evidence"],
        submit=bool(operation.params["submit"]),
        idempotency_key=f"operation-{operation.id}",
    )
    observation = observe_dispute(runtime, payment_id=dispute.payment_id, gateway_id=dispute.gateway_id)
    return EvidenceSettlement(observation, livemode=runtime.settings.livemode)


def observe_dispute(runtime: Runtime, *, payment_id: UUID, gateway_id: str) -> DisputeObservation:
    """Read the payment's version, then fetch the dispute."""
    with runtime.transaction() as session:
        version = session.get_one(Payment, payment_id).version
    return DisputeObservation(payment_id, version, runtime.gateway.get_dispute(gateway_id=gateway_id))
