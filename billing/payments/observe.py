"""Process: ask the gateway how a payment stands."""

from uuid import UUID

from billing.errors import InvariantBroken
from billing.payments.outcome import IntentObservation
from billing.runtime import Runtime
from models.payment import Payment


class PaymentNotAtGateway(InvariantBroken):
    """The gateway was to be asked about a payment that it has never heard of."""

    code = "payment_not_at_gateway"


def observe_intent(runtime: Runtime, *, payment_id: UUID, gateway_id: str | None = None) -> IntentObservation:
    """Read the payment's version, then fetch its object; `gateway_id` names it where the row does not know it yet."""
    with runtime.transaction() as session:
        payment = session.get_one(Payment, payment_id)
        version, known = payment.version, payment.gateway_id or gateway_id
    if known is None:
        raise PaymentNotAtGateway("the payment has no object at the gateway yet")
    return IntentObservation(payment_id, version, runtime.gateway.get_intent(gateway_id=known))
