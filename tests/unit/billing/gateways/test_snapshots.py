from typing import Any

import pytest
from pydantic import ValidationError

from billing.gateways.snapshots import DisputeSnapshot

DISPUTE: dict[str, Any] = {
    "id": "du_1",
    "status": "needs_response",
    "amount": 2900,
    "currency": "usd",
    "reason": "fraudulent",
    "livemode": False,
    "created": 1_763_800_000,
    "evidence_details": {"due_by": None, "submission_count": 0, "has_evidence": True, "past_due": False},
    "evidence": {
        "customer_name": "Ada Lovelace",
        "receipt": "file_1",
        "billing_address": None,
        "service_date": "",
        "enhanced_evidence": {},
    },
}


def test_of_evidence_only_the_names_are_kept() -> None:
    snapshot = DisputeSnapshot.model_validate(DISPUTE)

    assert snapshot.evidence_provided == ("customer_name", "receipt")
    assert "Ada" not in repr(snapshot)


@pytest.mark.parametrize("evidence", [None, "text", ["customer_name"]])
def test_evidence_that_is_no_object_is_not_understood(evidence: object) -> None:
    with pytest.raises(ValidationError):
        DisputeSnapshot.model_validate({**DISPUTE, "evidence": evidence})
