"""Use case: ask for evidence to be added to a dispute, and handed in; the gateway hears of it from a worker."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from billing import audit, operations
from billing.actor import Actor
from billing.errors import Conflict, Invalid
from billing.payments.dispute_outcome import CLOSED
from billing.payments.representation import DISPUTE_PREFIX
from billing.timestamps import iso
from models.dispute import Dispute
from models.ids import public_id
from models.operation import Operation

OPERATION_KIND = "dispute.evidence"
# All texts together; each is limited by the schema. Source: Stripe's API reference, "Update a dispute".
CHARACTERS_MAX = 150_000


class DisputeClosed(Conflict):
    """The dispute is decided; evidence comes too late."""

    code = "dispute_closed"


class EvidenceOverdue(Conflict):
    """The date by which the bank takes evidence has passed."""

    code = "evidence_overdue"


class EvidenceMissing(Invalid):
    """The request neither brings evidence nor hands any in."""

    code = "evidence_missing"


class EvidenceTooLong(Invalid):
    """The texts are longer together than the gateway takes."""

    code = "evidence_too_long"


def request_evidence(
    session: Session,
    *,
    dispute: Dispute,
    evidence: Mapping[str, str],
    submit: bool,
    actor: Actor,
    now: datetime,
) -> Operation:
    """Leave the operation that takes evidence for a locked dispute to the gateway; with `submit` it goes to the bank.

    Raises DisputeClosed, EvidenceOverdue, EvidenceMissing, EvidenceTooLong, OperationUnderWay.
    """
    require_answerable(dispute, now=now)
    require_evidence(dispute, evidence=evidence, submit=submit)
    public = public_id(DISPUTE_PREFIX, dispute.id)
    audit.record(
        session,
        actor=actor,
        action=f"{OPERATION_KIND}_requested",
        object_type="dispute",
        object_id=public,
        before=None,
        after={"evidence_fields": sorted(evidence), "submit": submit},
        now=now,
    )
    return operations.enqueue(
        session,
        kind=OPERATION_KIND,
        customer_id=dispute.customer_id,
        resource_type="dispute",
        resource_id=public,
        params={"evidence": dict(evidence), "submit": submit},
        actor=actor,
        now=now,
    )


def require_answerable(dispute: Dispute, *, now: datetime) -> None:
    """Raise DisputeClosed or EvidenceOverdue unless the bank still takes evidence; the due instant itself is too late."""
    if dispute.status in CLOSED:
        raise DisputeClosed(f"the dispute is {dispute.status}; evidence is taken until it is decided")
    if dispute.evidence_due_at is not None and dispute.evidence_due_at <= now:
        raise EvidenceOverdue(f"evidence was due by {iso(dispute.evidence_due_at)}; the bank decides without it")


def require_evidence(dispute: Dispute, *, evidence: Mapping[str, str], submit: bool) -> None:
    """Raise EvidenceMissing when there is nothing to add or hand in, EvidenceTooLong when it is more than is taken."""
    if not evidence and not (submit and dispute.evidence_provided):
        raise EvidenceMissing("name at least one field of evidence; submit alone hands in what was added before")
    characters = sum(len(text) for text in evidence.values())
    if characters > CHARACTERS_MAX:
        raise EvidenceTooLong(f"the texts have {characters} characters together; {CHARACTERS_MAX} are taken")
