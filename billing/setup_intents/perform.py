"""Process: take a setup intent's operation to the gateway, under the key of the committed operation."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.customers.gateway_customer import ensure_gateway_customer
from billing.errors import Declined, InvariantBroken
from billing.gateways.snapshots import PaymentMethodSnapshot, SetupIntentSnapshot
from billing.operation_outcome import OperationOutcome
from billing.payments.declines import explain
from billing.runtime import Runtime
from billing.setup_intents.outcome import SetupObservation, apply_setup_intent
from billing.setup_intents.representation import PREFIX, setup_intent_representation
from billing.setup_intents.requests import CREATE_KIND
from models.ids import row_id
from models.operation import Operation
from models.setup_intent import SetupIntent, SetupIntentStatus


class SetupIntentNotAtGateway(InvariantBroken):
    """The gateway was to be asked about a setup intent that it has never heard of."""

    code = "setup_intent_not_at_gateway"


class SetupSettlement:
    """What one call brought, ready to be applied in the transaction that finishes the operation."""

    def __init__(self, observation: SetupObservation, *, success_status: int, livemode: bool) -> None:
        self._observation = observation
        self._decline = observation.intent.last_setup_error
        self._success_status = success_status
        self._livemode = livemode

    def refresh(self, runtime: Runtime) -> None:
        """Ask the gateway again, because another observation came in between."""
        self._observation = observe_setup_intent(
            runtime, setup_intent_id=self._observation.setup_intent_id, gateway_id=self._observation.intent.id
        )

    def apply(self, session: Session, *, actor: Actor, now: datetime) -> OperationOutcome:
        """Bring the setup intent to its new state, and say what the operation's outcome is."""
        intent = apply_setup_intent(
            session, observation=self._observation, livemode=self._livemode, actor=actor, now=now
        )
        if intent.status is SetupIntentStatus.REQUIRES_PAYMENT_METHOD and self._decline is not None:
            explained = explain(self._decline.reason)
            body = setup_intent_representation(intent)
            extensions = {"setup_intent_id": body["id"], "decline": explained.representation()}
            return OperationOutcome.failed(
                Declined(f"{explained.message} {explained.next_step}", extensions=extensions)
            )
        return OperationOutcome.succeeded(self._success_status, setup_intent_representation(intent))


def perform_setup_operation(runtime: Runtime, *, operation: Operation, now: datetime) -> SetupSettlement:
    """Make the operation's call and return what it brought. Raises Unavailable while the outcome is unknown."""
    gateway_customer = ensure_gateway_customer(runtime, customer_id=operation.of_customer, now=now)
    intent_id, key = row_id(PREFIX, operation.resource_id), f"operation-{operation.id}"
    with runtime.transaction() as session:
        intent = session.get_one(SetupIntent, intent_id)
        version, gateway_id = intent.version, intent.gateway_id
    if operation.kind == CREATE_KIND:
        snapshot = runtime.gateway.create_setup_intent(
            gateway_customer=gateway_customer, setup_intent_id=operation.resource_id, idempotency_key=key
        )
    elif gateway_id is None:
        raise SetupIntentNotAtGateway("a setup intent that is to be confirmed has no object at the gateway")
    else:
        params = {name: value for name, value in operation.params.items() if value is not None}
        snapshot = runtime.gateway.confirm_setup_intent(gateway_id=gateway_id, params=params, idempotency_key=key)
    return SetupSettlement(
        _with_payment_method(runtime, intent_id, version, snapshot),
        success_status=201 if operation.kind == CREATE_KIND else 200,
        livemode=runtime.settings.livemode,
    )


def observe_setup_intent(runtime: Runtime, *, setup_intent_id: UUID, gateway_id: str | None = None) -> SetupObservation:
    """Read the row's version, then fetch the object and, once it succeeded, the payment method that it saved."""
    with runtime.transaction() as session:
        intent = session.get_one(SetupIntent, setup_intent_id)
        version, known = intent.version, intent.gateway_id or gateway_id
    if known is None:
        raise SetupIntentNotAtGateway("the setup intent has no object at the gateway yet")
    return _with_payment_method(runtime, setup_intent_id, version, runtime.gateway.get_setup_intent(gateway_id=known))


def _with_payment_method(
    runtime: Runtime, setup_intent_id: UUID, version: int, snapshot: SetupIntentSnapshot
) -> SetupObservation:
    saved: PaymentMethodSnapshot | None = None
    if snapshot.status == SetupIntentStatus.SUCCEEDED and snapshot.payment_method is not None:
        saved = runtime.gateway.get_payment_method(gateway_id=snapshot.payment_method)
    return SetupObservation(setup_intent_id, version, snapshot, saved)
