"""Use case: apply what the gateway says about a payment's refunds. The synchronous answer and the webhook both end here."""

from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from billing import audit
from billing.actor import Actor
from billing.fail_points import fail_point
from billing.gateways.snapshots import RefundSnapshot
from billing.ledger.money_facts import paid_out, refund_entries
from billing.ledger.post import post
from billing.observations import require_version
from billing.payments.find import disputes_of, refunds_of
from billing.payments.outcome import GatewayDisagrees, lock_payment, record_change
from billing.payments.purpose import tell_purpose
from billing.payments.refundable import recount
from billing.payments.representation import REFUND_PREFIX, event_payload
from models.ids import MalformedId, row_id
from models.payment import Payment
from models.refund import Refund, RefundStatus


class RefundsObservation(NamedTuple):
    """What the gateway said about some or all refunds of a payment, and the version read before it was asked."""

    payment_id: UUID
    version: int
    refunds: Sequence[RefundSnapshot]


def apply_refunds(session: Session, *, observation: RefundsObservation, actor: Actor, now: datetime) -> Payment:
    """Bring the payment's refunds to the state that was observed; a refund made at the gateway itself is added.

    What they gave back, or what came back to us, is posted to the ledger.
    Raises StaleObservation when another observation was applied meanwhile, GatewayDisagrees for a refund of another amount
    or currency than we asked for. Nothing is changed then.
    """
    payment = lock_payment(session, payment_id=observation.payment_id)
    require_version(current=payment.version, observed=observation.version)
    known = list(refunds_of(session, payment_id=payment.id))
    disputes = disputes_of(session, payment_id=payment.id)
    before = event_payload(payment, refunds=known, disputes=disputes)
    paid_before = {refund.id: paid_out(refund) for refund in known}
    for snapshot in observation.refunds:
        refund = matching_refund(known, snapshot)
        if refund is None:
            refund = _made_at_gateway(payment, snapshot, now=now)
            session.add(refund)
            known.append(refund)
        _bring(refund, snapshot, now=now)
    payment.version += 1
    recount(payment, refunds=known, disputes=disputes)
    session.flush()
    moved = list(
        chain.from_iterable(
            refund_entries(payment, refund, before=paid_before.get(refund.id, 0), at=now) for refund in known
        )
    )
    post(session, moved, now=now)
    changed_before, changed_after = audit.changed_fields(
        before, event_payload(payment, refunds=known, disputes=disputes)
    )
    if changed_after:
        payment.updated_at = now
        record_change(
            session,
            payment=payment,
            refunds=known,
            disputes=disputes,
            before=changed_before,
            after=changed_after,
            actor=actor,
            now=now,
            event="payment.refunded" if _newly_succeeded(before, known) else "payment.refund_updated",
        )
    tell_purpose(session, payment, moved, now=now)
    fail_point("refund.applied")
    return payment


def matching_refund(known: Sequence[Refund], snapshot: RefundSnapshot) -> Refund | None:
    """Return which of our refunds the gateway's is: the one that has its id, or that it names."""
    try:
        named = row_id(REFUND_PREFIX, snapshot.metadata.get("refund_id", ""))
    except MalformedId:
        named = None
    return next(
        (refund for refund in known if refund.gateway_id == snapshot.id or (named is not None and refund.id == named)),
        None,
    )


def _made_at_gateway(payment: Payment, snapshot: RefundSnapshot, *, now: datetime) -> Refund:
    return Refund(
        payment_id=payment.id,
        status=RefundStatus.PENDING,
        amount_minor=snapshot.amount,
        currency=snapshot.currency.upper(),
        reason=snapshot.reason,
        created_at=now,
        updated_at=now,
    )


def _bring(refund: Refund, snapshot: RefundSnapshot, *, now: datetime) -> None:
    if (refund.amount_minor, refund.currency) != (snapshot.amount, snapshot.currency.upper()):
        raise GatewayDisagrees(
            f"{snapshot.id} is {snapshot.amount} {snapshot.currency}, we asked for {refund.amount_minor}"
        )
    try:
        status = RefundStatus(snapshot.status)
    except ValueError:
        raise GatewayDisagrees(f"{snapshot.id} has a status that is not documented: {snapshot.status!r}") from None
    if (refund.gateway_id, refund.status, refund.failure_reason) != (snapshot.id, status, snapshot.failure_reason):
        refund.gateway_id, refund.status, refund.failure_reason = snapshot.id, status, snapshot.failure_reason
        refund.updated_at = now


def _newly_succeeded(before: dict[str, object], refunds: Sequence[Refund]) -> bool:
    listed = before["refunds"]
    succeeded_before = sum(1 for refund in listed if refund["status"] == "succeeded") if isinstance(listed, list) else 0
    return sum(1 for refund in refunds if refund.status is RefundStatus.SUCCEEDED) > succeeded_before
