"""Use cases: write down what a comparison found, once however often it is found, and end a difference.

A difference that is still there in the next night is the same row, linked to both runs. One that was dismissed stays dismissed
for as long as neither side changes; when one does, it is a new difference.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from billing import audit
from billing.actor import Actor
from billing.reconciliation.compare import Finding
from billing.reconciliation.representation import DIFFERENCE_PREFIX
from models.ids import new_id, public_id
from models.reconciliation import (
    DifferenceKind,
    DifferenceState,
    ObjectType,
    ReconciliationDifference,
    ReconciliationFinding,
    ReconciliationSeen,
)


def record_findings(session: Session, *, run_id: UUID, findings: Sequence[Finding], now: datetime) -> None:
    """Add each finding as an open difference, or renew the one that says the same, and link it to the run."""
    if not findings:
        return
    known = _standing(session, subjects=[finding.subject for finding in findings])
    for finding in findings:
        standing = known.get((finding.object_type, finding.subject, finding.kind))
        if standing is None or not _still_stands(standing, finding):
            standing = _new(finding, run_id=run_id, now=now)
            session.add(standing)
            known[finding.object_type, finding.subject, finding.kind] = standing
        renew(standing, finding=finding, now=now)
        session.flush()
        link = insert(ReconciliationFinding).values(run_id=run_id, difference_id=standing.id)
        session.execute(link.on_conflict_do_nothing())


def renew(difference: ReconciliationDifference, *, finding: Finding, now: datetime) -> None:
    """Bring a difference to what the newest comparison says; what was found out about its mend stays."""
    difference.our_id, difference.gateway_id = finding.our_id, finding.gateway_id
    difference.ours, difference.theirs = finding.ours, finding.theirs
    if difference.mend_detail is None:
        difference.mend = finding.mend
    difference.last_seen_at = now


def note_seen(session: Session, *, run_id: UUID, object_type: ObjectType, gateway_ids: Collection[str]) -> None:
    """Note which objects a list of the gateway has shown to the run."""
    if gateway_ids:
        rows = [{"run_id": run_id, "object_type": object_type, "gateway_id": gateway_id} for gateway_id in gateway_ids]
        session.execute(insert(ReconciliationSeen).on_conflict_do_nothing(), rows)


def settle(
    session: Session,
    *,
    difference: ReconciliationDifference,
    state: DifferenceState,
    actor: Actor,
    reason: str | None,
    now: datetime,
) -> None:
    """End an open difference, as `mended` or `dismissed`, and say in the audit log who did."""
    difference.state, difference.reason = state, reason
    difference.settled_at, difference.settled_by = now, actor.name
    session.flush()
    audit.record(
        session,
        actor=actor,
        action=f"reconciliation.{state}",
        object_type="reconciliation_difference",
        object_id=public_id(DIFFERENCE_PREFIX, difference.id),
        before={"state": str(DifferenceState.OPEN)},
        after={"state": str(state), "subject": difference.subject, "kind": str(difference.kind), "reason": reason},
        now=now,
    )


def explained(session: Session, *, gateway_ids: Collection[str]) -> set[str]:
    """Return which of these objects of the gateway have a difference of their own that is open or dismissed."""
    query = select(ReconciliationDifference.subject).where(
        ReconciliationDifference.subject.in_(gateway_ids),
        ReconciliationDifference.state != DifferenceState.MENDED,
    )
    return set(session.scalars(query))


def _standing(
    session: Session, *, subjects: Collection[str]
) -> dict[tuple[ObjectType, str, DifferenceKind], ReconciliationDifference]:
    """Return the newest difference of each object and kind that is open or dismissed."""
    query = (
        select(ReconciliationDifference)
        .where(ReconciliationDifference.subject.in_(subjects), ReconciliationDifference.state != DifferenceState.MENDED)
        .order_by(ReconciliationDifference.id)
    )
    return {(found.object_type, found.subject, found.kind): found for found in session.scalars(query)}


def _still_stands(standing: ReconciliationDifference, finding: Finding) -> bool:
    return standing.state is DifferenceState.OPEN or (standing.ours, standing.theirs) == (finding.ours, finding.theirs)


def _new(finding: Finding, *, run_id: UUID, now: datetime) -> ReconciliationDifference:
    return ReconciliationDifference(
        id=new_id(),
        object_type=finding.object_type,
        subject=finding.subject,
        kind=finding.kind,
        mend=finding.mend,
        state=DifferenceState.OPEN,
        first_run_id=run_id,
        first_seen_at=now,
    )
