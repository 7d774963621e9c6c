"""Use case: apply what the gateway says about a setup intent. The synchronous answer and the webhook both end here."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import audit
from billing.actor import Actor
from billing.facts import record_fact
from billing.gateways.snapshots import PaymentMethodSnapshot, SetupIntentSnapshot
from billing.observations import require_version
from billing.payment_methods.outcome import apply_attached
from billing.payments.outcome import GatewayDisagrees
from billing.setup_intents.representation import setup_intent_representation
from models.setup_intent import SetupIntent, SetupIntentStatus

_FINAL = frozenset({SetupIntentStatus.SUCCEEDED, SetupIntentStatus.CANCELED, SetupIntentStatus.FAILED})


class SetupObservation(NamedTuple):
    """What the gateway said, the version read before it was asked, and the saved payment method where there is one."""

    setup_intent_id: UUID
    version: int
    intent: SetupIntentSnapshot
    payment_method: PaymentMethodSnapshot | None


def apply_setup_intent(
    session: Session, *, observation: SetupObservation, livemode: bool, actor: Actor, now: datetime
) -> SetupIntent:
    """Bring the setup intent to the state that was observed; a success keeps the payment method that was saved.

    Raises StaleObservation, and GatewayDisagrees for an object of another mode or an undocumented status.
    """
    intent = session.scalars(
        select(SetupIntent).where(SetupIntent.id == observation.setup_intent_id).with_for_update(),
        execution_options={"populate_existing": True},
    ).one()
    require_version(current=intent.version, observed=observation.version)
    snapshot = observation.intent
    if snapshot.livemode != livemode:
        raise GatewayDisagrees(f"{snapshot.id} is of the other mode, test or live")
    try:
        status = SetupIntentStatus(snapshot.status)
    except ValueError:
        raise GatewayDisagrees(f"{snapshot.id} has a status that is not documented: {snapshot.status!r}") from None
    if intent.status in _FINAL and status is not intent.status:
        raise GatewayDisagrees(f"{snapshot.id} says {status} where the setup intent is {intent.status}")
    before = _payload(intent)
    intent.version += 1
    intent.status = status
    intent.gateway_id = snapshot.id
    intent.client_secret = snapshot.client_secret
    intent.payment_method_id = snapshot.payment_method or intent.payment_method_id
    intent.next_action = snapshot.next_action.representation() if snapshot.next_action else None
    intent.decline_code = snapshot.last_setup_error.reason if snapshot.last_setup_error else None
    if status is SetupIntentStatus.SUCCEEDED and observation.payment_method is not None:
        apply_attached(
            session,
            customer_id=intent.customer_id,
            snapshot=observation.payment_method,
            set_default=False,
            actor=actor,
            now=now,
        )
    _record(session, intent, before=before, actor=actor, now=now)
    return intent


def _record(session: Session, intent: SetupIntent, *, before: dict[str, object], actor: Actor, now: datetime) -> None:
    changed_before, changed_after = audit.changed_fields(before, _payload(intent))
    if not changed_after:
        return
    intent.updated_at = now
    action = f"setup_intent.{intent.status}" if "status" in changed_after else "setup_intent.updated"
    record_fact(
        session,
        fact=action,
        object_type="setup_intent",
        state=_payload(intent),
        customer_id=intent.customer_id,
        before=changed_before,
        after=changed_after,
        actor=actor,
        now=now,
    )


def _payload(intent: SetupIntent) -> dict[str, object]:
    return {**setup_intent_representation(intent), "client_secret": None}
