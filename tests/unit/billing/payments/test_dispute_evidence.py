from datetime import UTC, datetime, timedelta

import pytest

from billing.payments.dispute_evidence import (
    CHARACTERS_MAX,
    DisputeClosed,
    EvidenceMissing,
    EvidenceOverdue,
    EvidenceTooLong,
    require_answerable,
    require_evidence,
)
from billing.payments.dispute_outcome import CLOSED
from models.dispute import Dispute, DisputeStatus

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize("status", DisputeStatus)
def test_evidence_is_taken_until_the_dispute_is_decided(status: DisputeStatus) -> None:
    dispute = Dispute(status=status, evidence_due_at=NOW + DAY)

    if status in CLOSED:
        with pytest.raises(DisputeClosed, match=f"the dispute is {status}"):
            require_answerable(dispute, now=NOW)
    else:
        require_answerable(dispute, now=NOW)


@pytest.mark.parametrize(("left", "taken"), [(DAY, True), (timedelta(microseconds=1), True), (-DAY, False)])
def test_evidence_is_taken_until_it_is_due(left: timedelta, taken: bool) -> None:
    dispute = Dispute(status=DisputeStatus.NEEDS_RESPONSE, evidence_due_at=NOW + left)

    if taken:
        require_answerable(dispute, now=NOW)
    else:
        with pytest.raises(EvidenceOverdue, match="2026-11-21"):
            require_answerable(dispute, now=NOW)


def test_the_due_instant_is_too_late() -> None:
    with pytest.raises(EvidenceOverdue):
        require_answerable(Dispute(status=DisputeStatus.NEEDS_RESPONSE, evidence_due_at=NOW), now=NOW)


def test_without_a_due_date_there_is_time() -> None:
    require_answerable(Dispute(status=DisputeStatus.NEEDS_RESPONSE, evidence_due_at=None), now=NOW)


@pytest.mark.parametrize("provided", [[], ["customer_name"]])
@pytest.mark.parametrize("submit", [True, False])
@pytest.mark.parametrize("evidence", [{}, {"uncategorized_text": "x"}])
def test_there_is_something_to_add_or_to_hand_in(evidence: dict[str, str], submit: bool, provided: list[str]) -> None:
    dispute = Dispute(evidence_provided=provided)

    if evidence or (submit and provided):
        require_evidence(dispute, evidence=evidence, submit=submit)
    else:
        with pytest.raises(EvidenceMissing):
            require_evidence(dispute, evidence=evidence, submit=submit)


def test_all_texts_together_are_limited() -> None:
    dispute, half = Dispute(evidence_provided=[]), "x" * (CHARACTERS_MAX // 2)

    require_evidence(dispute, evidence={"a": half, "b": half}, submit=False)
    with pytest.raises(EvidenceTooLong, match=str(CHARACTERS_MAX + 1)):
        require_evidence(dispute, evidence={"a": half, "b": half, "c": "x"}, submit=False)
