"""Process: tell Stripe that a subscription ends with its present period, then let ours go on. Between any two lines it may die.

The call leaves the operation's name in the subscription's metadata. Whoever finds it there does not call again: by then the
subscription may have ended, and Stripe refuses to change what has. What counts is what is fetched after the call.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from billing import operations
from billing.actor import Actor
from billing.fail_points import fail_point
from billing.gateways.snapshots import PaymentMethodSnapshot
from billing.mirror.import_subscription import take_over
from billing.mirror.observe import MirrorObservation, observe_mirror
from billing.mirror.state import IMPORT_KEY
from billing.operation_outcome import OperationOutcome
from billing.runtime import Runtime
from billing.subscriptions.find import represented
from models.ids import public_id
from models.operation import Operation


class ImportSettlement:
    """What Stripe says of the subscription now that it is to end, and the payment method that it is charged to."""

    def __init__(
        self, operation: Operation, observation: MirrorObservation, method: PaymentMethodSnapshot | None
    ) -> None:
        self._params = operation.params
        self._observation = observation
        self._method = method

    def refresh(self, runtime: Runtime) -> None:
        """Ask again, because an event was applied in between."""
        self._observation = observe_mirror(runtime, gateway_id=self._observation.gateway_id)

    def apply(self, session: Session, *, actor: Actor, now: datetime) -> OperationOutcome:
        """Add our subscription, and answer with it."""
        ours = take_over(
            session,
            observation=self._observation,
            params=self._params,
            payment_method=self._method,
            actor=actor,
            now=now,
        )
        (body,) = represented(session, [ours])
        return OperationOutcome.succeeded(201, body)


def perform_import(runtime: Runtime, *, operation: Operation, now: datetime) -> ImportSettlement:  # noqa: ARG001 - every performer is told the time
    """Let the subscription at Stripe end with its period, and fetch how it stands then.

    Raises Unavailable while the outcome is unknown, GatewayRefused when it has ended already.
    """
    gateway_id, name = str(operation.params["gateway_id"]), public_id(operations.PREFIX, operation.id)
    observation = observe_mirror(runtime, gateway_id=gateway_id)
    if observation.subscription is None or observation.subscription.metadata.get(IMPORT_KEY) != name:
        runtime.gateway.subscriptions.end_at_period_end(
            gateway_id=gateway_id, metadata={IMPORT_KEY: name}, idempotency_key=f"operation-{operation.id}"
        )
        fail_point("import.stripe_told")
        observation = observe_mirror(runtime, gateway_id=gateway_id)
    return ImportSettlement(operation, observation, _payment_method(runtime, observation))


def _payment_method(runtime: Runtime, observation: MirrorObservation) -> PaymentMethodSnapshot | None:
    there = observation.subscription
    named = (there.default_payment_method or there.customer.default_payment_method) if there is not None else None
    return runtime.gateway.get_payment_method(gateway_id=named) if named is not None else None
