"""Use case: apply what the gateway says about a payment. The synchronous answer and the webhook both end here."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import audit
from billing.actor import Actor
from billing.errors import InvariantBroken
from billing.facts import record_fact
from billing.fail_points import fail_point
from billing.gateways.snapshots import IntentSnapshot
from billing.invoicing.purchase_invoice import invoice_purchases
from billing.ledger.entry import Entry
from billing.ledger.money_facts import capture_entries
from billing.ledger.post import post
from billing.observations import require_version
from billing.payments.find import disputes_of, refunds_of
from billing.payments.lifecycle import require_edge
from billing.payments.purpose import tell_purpose
from billing.payments.refundable import recount
from billing.payments.representation import event_payload
from models.dispute import Dispute
from models.payment import CaptureMethod, Payment, PaymentStatus
from models.refund import Refund

_EVENTS = {
    PaymentStatus.REQUIRES_PAYMENT_METHOD: "payment.declined",
    PaymentStatus.REQUIRES_ACTION: "payment.requires_action",
    PaymentStatus.PROCESSING: "payment.processing",
    PaymentStatus.REQUIRES_CAPTURE: "payment.authorized",
    PaymentStatus.SUCCEEDED: "payment.succeeded",
    PaymentStatus.CANCELED: "payment.canceled",
    PaymentStatus.FAILED: "payment.failed",
}


class GatewayDisagrees(InvariantBroken):
    """The gateway's object is not about this payment: another amount, currency, customer or mode."""

    code = "gateway_disagrees"


class IntentObservation(NamedTuple):
    """What the gateway said, and the payment's version that was read before it was asked."""

    payment_id: UUID
    version: int
    intent: IntentSnapshot


class PaymentParts(NamedTuple):
    """A payment with all that its representation shows."""

    payment: Payment
    refunds: Sequence[Refund]
    disputes: Sequence[Dispute]


def lock_payment(session: Session, *, payment_id: UUID) -> Payment:
    """Return the payment with its row locked and its newest values."""
    return lock_payments(session, payment_ids=[payment_id])[payment_id]


def lock_payments(session: Session, *, payment_ids: Collection[UUID]) -> dict[UUID, Payment]:
    """Return the payments with their rows locked, in the order of their ids, and their newest values."""
    query = select(Payment).where(Payment.id.in_(payment_ids)).order_by(Payment.id).with_for_update()
    return {payment.id: payment for payment in session.scalars(query, execution_options={"populate_existing": True})}


def apply_intent(
    session: Session,
    *,
    observation: IntentObservation,
    gateway_customer: str | None,
    livemode: bool,
    number_prefix: str,
    actor: Actor,
    now: datetime,
) -> PaymentParts:
    """Bring the payment to the state that was observed, with one event and one audit entry when the status changed.

    What was captured is posted to the ledger; what was captured for credits gets its invoice.

    Raises StaleObservation when another observation was applied meanwhile, GatewayDisagrees when the object is not about
    this payment, and StatusMovedBackwards when its status cannot follow ours. Nothing is changed then.
    """
    payment = lock_payment(session, payment_id=observation.payment_id)
    require_version(current=payment.version, observed=observation.version)
    refunds = refunds_of(session, payment_id=payment.id)
    disputes = disputes_of(session, payment_id=payment.id)
    captured = bring_to_intent(
        session,
        payment=payment,
        refunds=refunds,
        disputes=disputes,
        intent=observation.intent,
        gateway_customer=gateway_customer,
        livemode=livemode,
        actor=actor,
        now=now,
    )
    post(session, captured, now=now)
    if captured:
        invoice_purchases(session, [payment], number_prefix=number_prefix, now=now)
    return PaymentParts(payment, refunds, disputes)


def bring_to_intent(
    session: Session,
    *,
    payment: Payment,
    refunds: Sequence[Refund],
    disputes: Sequence[Dispute],
    intent: IntentSnapshot,
    gateway_customer: str | None,
    livemode: bool,
    actor: Actor,
    now: datetime,
) -> list[Entry]:
    """Bring a locked payment to the state of `intent`, which is known to be no older than the payment's own.

    Returns the ledger's entry of what was captured, if anything was: the caller posts those of all its payments at once.
    Asks the database nothing. Raises GatewayDisagrees and StatusMovedBackwards; nothing is changed then.
    """
    _require_same(payment, intent, gateway_customer=gateway_customer, livemode=livemode)
    status = _status(intent)
    require_edge(current=payment.status, new=status)
    before, captured_before = event_payload(payment, refunds=(), disputes=()), payment.amount_captured_minor
    payment.version += 1
    payment.status = status
    payment.gateway_id = intent.id
    payment.client_secret = intent.client_secret
    payment.next_action = intent.next_action.representation() if intent.next_action else None
    payment.payment_method_id = intent.payment_method or payment.payment_method_id
    received = intent.amount_received if status is PaymentStatus.SUCCEEDED else 0
    if payment.amount_captured_minor != received:
        payment.amount_captured_minor = received
        recount(payment, refunds=refunds, disputes=disputes)  # a dispute heard of before the capture holds its part now
    payment.decline_code = intent.last_payment_error.reason if intent.last_payment_error else None
    changed_before, changed_after = audit.changed_fields(before, event_payload(payment, refunds=(), disputes=()))
    if changed_after:
        payment.updated_at = now
        record_change(
            session,
            payment=payment,
            refunds=refunds,
            disputes=disputes,
            before=changed_before,
            after=changed_after,
            actor=actor,
            now=now,
        )
    captured = capture_entries(payment, before=captured_before, at=now)
    if changed_after:
        tell_purpose(session, payment, captured, now=now)
    fail_point("payment.applied")
    return captured


def fail_payment(session: Session, *, payment: Payment, detail: str, actor: Actor, now: datetime) -> None:
    """End a payment that the gateway refused to take at all. `failed` is final."""
    require_edge(current=payment.status, new=PaymentStatus.FAILED)
    before = event_payload(payment, refunds=(), disputes=())
    payment.version += 1
    payment.status = PaymentStatus.FAILED
    payment.failure_detail = detail
    payment.updated_at = now
    changed_before, changed_after = audit.changed_fields(before, event_payload(payment, refunds=(), disputes=()))
    record_change(
        session,
        payment=payment,
        refunds=(),
        disputes=(),
        before=changed_before,
        after=changed_after,
        actor=actor,
        now=now,
    )
    tell_purpose(session, payment, (), now=now)


def record_change(
    session: Session,
    *,
    payment: Payment,
    refunds: Sequence[Refund],
    disputes: Sequence[Dispute],
    before: dict[str, object],
    after: dict[str, object],
    actor: Actor,
    now: datetime,
    event: str | None = None,
) -> None:
    """Write down a change as the fact that is named, else as that of the changed status, else as `payment.updated`."""
    if event is None and ("status" in after or "decline_code" in after):
        event = _event_of(payment)
    record_fact(
        session,
        fact=event or "payment.updated",
        object_type="payment",
        state=event_payload(payment, refunds=refunds, disputes=disputes),
        customer_id=payment.customer_id,
        before=before,
        after=after,
        actor=actor,
        now=now,
    )


def _event_of(payment: Payment) -> str | None:
    if payment.status is PaymentStatus.REQUIRES_PAYMENT_METHOD and payment.decline_code is None:
        return None
    return _EVENTS.get(payment.status)


def _status(intent: IntentSnapshot) -> PaymentStatus:
    try:
        return PaymentStatus(intent.status)
    except ValueError:
        raise GatewayDisagrees(f"{intent.id} has a status that is not documented: {intent.status!r}") from None


def _require_same(payment: Payment, intent: IntentSnapshot, *, gateway_customer: str | None, livemode: bool) -> None:
    captured_max = payment.amount_minor if payment.capture is CaptureMethod.MANUAL else intent.amount
    pairs: tuple[tuple[str, object, object], ...] = (
        ("id", payment.gateway_id or intent.id, intent.id),
        ("amount", payment.amount_minor, intent.amount),
        ("currency", payment.currency, intent.currency.upper()),
        ("livemode", livemode, intent.livemode),
        ("customer", gateway_customer or intent.customer, intent.customer),
        ("amount_received", min(intent.amount_received, captured_max), intent.amount_received),
    )
    for name, ours, theirs in pairs:
        if ours != theirs:
            raise GatewayDisagrees(f"{intent.id} says {name} {theirs!r} where the payment says {ours!r}")
