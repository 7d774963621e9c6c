"""Use case: apply what the gateway says about a dispute. The answer to evidence and the webhook both end here."""

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import audit
from billing.actor import Actor
from billing.facts import record_fact
from billing.gateways.snapshots import DisputeSnapshot
from billing.ledger.money_facts import dispute_entries, held_by
from billing.ledger.post import post
from billing.observations import require_version
from billing.payments.find import disputes_of, refunds_of
from billing.payments.outcome import GatewayDisagrees, lock_payment, record_change
from billing.payments.purpose import tell_purpose
from billing.payments.refundable import recount
from billing.payments.representation import dispute_representation, event_payload
from models.dispute import Dispute, DisputeStatus
from models.ids import new_id
from models.payment import Payment

CLOSED = frozenset({DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.WARNING_CLOSED, DisputeStatus.PREVENTED})
_VERDICTS = {DisputeStatus.WON: "dispute.won", DisputeStatus.LOST: "dispute.lost"}


class DisputeObservation(NamedTuple):
    """What the gateway said about a dispute, and the version of its payment that was read before it was asked."""

    payment_id: UUID
    version: int
    dispute: DisputeSnapshot


def apply_dispute(
    session: Session, *, observation: DisputeObservation, livemode: bool, actor: Actor, now: datetime
) -> Dispute:
    """Bring the dispute to the state that was observed, and with it what the payment has left to refund.

    What the bank took back, or reinstated, is posted to the ledger.
    Any status may follow any other: banks reopen what was closed. A dispute that is heard of when it is decided already
    gives two events, `dispute.created` and the verdict. Raises StaleObservation when another observation was applied
    meanwhile, GatewayDisagrees when the object is not about this payment. Nothing is changed then.
    """
    payment = lock_payment(session, payment_id=observation.payment_id)
    require_version(current=payment.version, observed=observation.version)
    snapshot = observation.dispute
    _require_same(payment, snapshot, livemode=livemode)
    status = _status(snapshot)
    payment.version += 1
    dispute = session.scalar(
        select(Dispute).where(Dispute.gateway_id == snapshot.id), execution_options={"populate_existing": True}
    )
    before, held_before = (dispute_representation(dispute), held_by(dispute)) if dispute is not None else (None, 0)
    if dispute is None:
        dispute = Dispute(
            id=new_id(),
            customer_id=payment.customer_id,
            payment_id=payment.id,
            gateway_id=snapshot.id,
            created_at=now,
            updated_at=now,
        )
    _bring(dispute, snapshot, status=status, now=now)
    session.add(dispute)
    session.flush()
    moved = dispute_entries(payment, dispute, before=held_before, at=now)
    post(session, moved, now=now)
    _record(session, dispute, before=before, actor=actor, now=now)
    _hold(session, payment, actor=actor, now=now)
    tell_purpose(session, payment, moved, now=now)
    return dispute


def _bring(dispute: Dispute, snapshot: DisputeSnapshot, *, status: DisputeStatus, now: datetime) -> None:
    dispute.status = status
    dispute.amount_minor, dispute.currency = snapshot.amount, snapshot.currency.upper()
    dispute.reason, dispute.network_reason_code = snapshot.reason, snapshot.network_reason_code
    dispute.opened_at = datetime.fromtimestamp(snapshot.created, UTC)
    due_by = snapshot.evidence_details.due_by
    dispute.evidence_due_at = datetime.fromtimestamp(due_by, UTC) if due_by is not None else None
    dispute.evidence_provided = list(snapshot.evidence_provided)
    dispute.evidence_submissions = snapshot.evidence_details.submission_count
    dispute.closed_at = (dispute.closed_at or now) if status in CLOSED else None


def _record(
    session: Session,
    dispute: Dispute,
    *,
    before: dict[str, object] | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Write down that the dispute is new, that it is decided, or what else changed of it."""
    after = dispute_representation(dispute)
    changed_before, changed_after = audit.changed_fields(before or {}, after)
    if not changed_after:
        return
    if before is not None:
        dispute.updated_at = now
        after = dispute_representation(dispute)
    verdict = _VERDICTS.get(dispute.status) if "status" in changed_after else None
    facts = [*(["dispute.created"] if before is None else []), *([verdict] if verdict else [])] or ["dispute.updated"]
    for fact in facts:
        record_fact(
            session,
            fact=fact,
            object_type="dispute",
            state=after,
            customer_id=dispute.customer_id,
            before=changed_before if before is not None else None,
            after=changed_after,
            actor=actor,
            now=now,
        )


def _hold(session: Session, payment: Payment, *, actor: Actor, now: datetime) -> None:
    """Count anew what disputes hold of the payment, and write it down where it changed."""
    before = event_payload(payment, refunds=(), disputes=())
    refunds = refunds_of(session, payment_id=payment.id)
    disputes = disputes_of(session, payment_id=payment.id)
    recount(payment, refunds=refunds, disputes=disputes)
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


def _status(snapshot: DisputeSnapshot) -> DisputeStatus:
    try:
        return DisputeStatus(snapshot.status)
    except ValueError:
        raise GatewayDisagrees(f"{snapshot.id} has a status that is not documented: {snapshot.status!r}") from None


def _require_same(payment: Payment, snapshot: DisputeSnapshot, *, livemode: bool) -> None:
    pairs: tuple[tuple[str, object, object], ...] = (
        ("payment_intent", payment.gateway_id or snapshot.payment_intent, snapshot.payment_intent),
        ("currency", payment.currency, snapshot.currency.upper()),
        ("livemode", livemode, snapshot.livemode),
    )
    for name, ours, theirs in pairs:
        if ours != theirs:
            raise GatewayDisagrees(f"{snapshot.id} says {name} {theirs!r} where the payment says {ours!r}")
