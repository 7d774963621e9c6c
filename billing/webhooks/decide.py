"""What events come to without the gateway being asked: many at once, in the transaction that also closes them.

An event carries its object as it stood at some moment, and events come in any order. So a snapshot alone is believed in two
cases only, and neither depends on the order:

* It shows an end. A payment intent that is `succeeded` or `canceled` stays so, and a refund only ever moves on
  (`pending`, then `succeeded`, then perhaps `failed`): what is further along is the newer one.
* It shows nothing that our rows do not have, or something that they have left behind.

Whatever else an event says is left to a handler that fetches the object (handlers.py).
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from billing.actor import GATEWAY
from billing.errors import InvariantBroken
from billing.gateways.snapshots import IntentSnapshot, RefundSnapshot
from billing.invoicing.purchase_invoice import invoice_purchases
from billing.ledger.entry import Entry
from billing.ledger.post import post
from billing.payments.find import disputes_of_each, refunds_of, refunds_of_each
from billing.payments.lifecycle import FINAL
from billing.payments.outcome import bring_to_intent
from billing.payments.refund_outcome import RefundsObservation, apply_refunds, matching_refund
from billing.payments.representation import PREFIX as PAYMENT_PREFIX
from billing.webhooks.handlers import HANDLERS, on_payment_intent, on_refund
from models.customer import Customer
from models.dispute import Dispute
from models.ids import named_row
from models.inbox_event import InboxEvent
from models.payment import Payment, PaymentStatus
from models.refund import Refund, RefundStatus

_ENDS = frozenset({PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED})
_CHARGE_REFUNDED = "charge.refunded"
# How far along a refund is. Two that are equally far and yet differ cannot be put in order.
_STAGE = {
    RefundStatus.PENDING: 0,
    RefundStatus.REQUIRES_ACTION: 0,
    RefundStatus.SUCCEEDED: 1,
    RefundStatus.FAILED: 2,
    RefundStatus.CANCELED: 2,
}


class Decision(NamedTuple):
    """What an event came to; a `result` of None says that nothing here concerns it."""

    result: str | None


_IGNORED = Decision(None)


class _Batch(NamedTuple):
    """The open transaction, and what our rows say about the payments that its events name; the payments' rows are locked.

    `entries` are those of what was captured, posted together at the end, and `captured` the payments whose money it is.
    """

    session: Session
    livemode: bool
    now: datetime
    payments: dict[UUID, Payment]
    by_gateway_id: dict[str, Payment]
    refunds: dict[UUID, list[Refund]]
    disputes: dict[UUID, list[Dispute]]
    gateway_customers: dict[UUID, str | None]
    entries: list[Entry]
    captured: list[Payment]


def decide(
    session: Session, *, events: Sequence[InboxEvent], livemode: bool, number_prefix: str, now: datetime
) -> dict[UUID, Decision]:
    """Apply what `events` and our rows decide; return by the event's id what it came to.

    An event that is not in the answer needs the gateway; nothing was changed for it.
    """
    objects = {event.id: event.payload["data"]["object"] for event in events if _decider(event.type)}
    batch = _look_up(session, objects.values(), livemode=livemode, now=now)
    decided: dict[UUID, Decision] = {}
    for event in sorted(events, key=lambda event: _lane(batch, objects.get(event.id, {}))):
        if event.type not in HANDLERS:
            decided[event.id] = _IGNORED
            continue
        decider = _decider(event.type)
        if decider is None:
            continue
        try:
            decision = decider(batch, objects[event.id])
        except (InvariantBroken, ValidationError):
            continue  # the handler fetches the object and says what is wrong with it
        if decision is not None:
            decided[event.id] = decision
    post(session, batch.entries, now=now)
    invoice_purchases(session, batch.captured, number_prefix=number_prefix, now=now)
    return decided


Decider = Callable[[_Batch, dict[str, Any]], Decision | None]


def _decider(event_type: str) -> Decider | None:
    handler = HANDLERS.get(event_type)
    if handler is on_payment_intent:
        return _decide_intent
    if handler is on_refund:
        return _decide_charge if event_type == _CHARGE_REFUNDED else _decide_refund
    return None


def _decide_intent(batch: _Batch, intent: dict[str, Any]) -> Decision | None:
    payment = _payment_about(batch, intent)
    if payment is None:
        return _IGNORED
    snapshot = IntentSnapshot.model_validate(intent)
    shows_end = snapshot.status in _ENDS
    if payment.status not in FINAL:
        if not shows_end:
            return Decision(f"payment is {payment.status}") if _no_news(payment, snapshot) else None
        captured = bring_to_intent(
            batch.session,
            payment=payment,
            refunds=batch.refunds[payment.id],
            disputes=batch.disputes[payment.id],
            intent=snapshot,
            gateway_customer=batch.gateway_customers[payment.customer_id],
            livemode=batch.livemode,
            actor=GATEWAY,
            now=batch.now,
        )
        batch.entries.extend(captured)
        if captured:
            batch.captured.append(payment)
        batch.by_gateway_id[snapshot.id] = payment
    elif payment.gateway_id != snapshot.id or (shows_end and not _same_end(payment, snapshot)):
        return None
    return Decision(f"payment is {payment.status}")


def _lane(batch: _Batch, about: dict[str, Any]) -> bytes:
    """Return what puts events in the order of their customers.

    A fact takes the lock of its customer's webhooks out (billing/outgoing/lanes.py): two batches that took several of them in
    different orders would wait for each other. Within a customer the order stays.
    """
    payment = _payment_about(batch, about)
    return payment.customer_id.bytes if payment is not None else b""


def _payment_about(batch: _Batch, about: dict[str, Any]) -> Payment | None:
    """Return our payment that an intent, a refund or a charge is about."""
    for gateway_id in (about.get("id"), about.get("payment_intent")):
        if (payment := batch.by_gateway_id.get(str(gateway_id))) is not None:
            return payment
    # The event may come before our own answer: the object names our row.
    named = named_row(PAYMENT_PREFIX, about.get("metadata"), "payment_id")
    return batch.payments.get(named) if named is not None else None


def _no_news(payment: Payment, snapshot: IntentSnapshot) -> bool:
    """Return whether the snapshot shows what our row shows; what came after it, if anything, is told by an event of its own."""
    ours = (payment.gateway_id, payment.status, payment.payment_method_id, payment.next_action, payment.decline_code)
    theirs = (
        snapshot.id,
        snapshot.status,
        snapshot.payment_method,
        snapshot.next_action.representation() if snapshot.next_action else None,
        snapshot.last_payment_error.reason if snapshot.last_payment_error else None,
    )
    return ours == theirs


def _same_end(payment: Payment, snapshot: IntentSnapshot) -> bool:
    captured = snapshot.amount_received if snapshot.status == PaymentStatus.SUCCEEDED else 0
    return payment.status == snapshot.status and payment.amount_captured_minor == captured


def _decide_refund(batch: _Batch, refund: dict[str, Any]) -> Decision | None:
    payment = batch.by_gateway_id.get(str(refund.get("payment_intent")))
    if payment is None:
        return _IGNORED
    snapshot = RefundSnapshot.model_validate(refund)
    if snapshot.status not in set(RefundStatus):
        return None
    ours, theirs = matching_refund(batch.refunds[payment.id], snapshot), RefundStatus(snapshot.status)
    if ours is not None and ours.gateway_id == snapshot.id:
        if ours.status is not theirs and _STAGE[ours.status] == _STAGE[theirs]:
            return None
        if _STAGE[theirs] <= _STAGE[ours.status]:
            return _refunded(payment)
    observation = RefundsObservation(payment.id, payment.version, [snapshot])
    apply_refunds(batch.session, observation=observation, actor=GATEWAY, now=batch.now)
    batch.refunds[payment.id][:] = refunds_of(batch.session, payment_id=payment.id)
    return _refunded(payment)


def _decide_charge(batch: _Batch, charge: dict[str, Any]) -> Decision | None:
    """A charge tells only the sum: it is no news while our refunds add up to it, or to more."""
    payment = batch.by_gateway_id.get(str(charge.get("payment_intent")))
    if payment is None:
        return _IGNORED
    ours = sum(refund.amount_minor for refund in batch.refunds[payment.id] if refund.status is RefundStatus.SUCCEEDED)
    theirs = charge.get("amount_refunded")
    return _refunded(payment) if isinstance(theirs, int) and theirs <= ours else None


def _refunded(payment: Payment) -> Decision:
    return Decision(f"payment has {payment.amount_refunded_minor} refunded")


def _look_up(session: Session, objects: Iterable[dict[str, Any]], *, livemode: bool, now: datetime) -> _Batch:
    """Lock the payments that the objects name, in the order of their ids, so that two workers never wait for each other."""
    gateway_ids: set[str] = set()
    row_ids: set[UUID] = set()
    for named in objects:
        gateway_ids.update(value for value in (named.get("id"), named.get("payment_intent")) if isinstance(value, str))
        row = named_row(PAYMENT_PREFIX, named.get("metadata"), "payment_id")
        if row is not None:
            row_ids.add(row)
    payments = {
        payment.id: payment
        for payment in session.scalars(
            select(Payment)
            .where(or_(Payment.gateway_id.in_(gateway_ids), Payment.id.in_(row_ids)))
            .order_by(Payment.id)
            .with_for_update()
        )
    }
    customers = {payment.customer_id for payment in payments.values()}
    paying = session.scalars(select(Customer).where(Customer.id.in_(customers)))
    return _Batch(
        session=session,
        livemode=livemode,
        now=now,
        payments=payments,
        by_gateway_id={payment.gateway_id: payment for payment in payments.values() if payment.gateway_id is not None},
        refunds=refunds_of_each(session, payment_ids=payments),
        disputes=disputes_of_each(session, payment_ids=payments),
        gateway_customers={customer.id: customer.gateway_id for customer in paying},
        entries=[],
        captured=[],
    )
