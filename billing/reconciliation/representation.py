"""What operators see of runs and differences, and what each proposed mend asks of them."""

from typing import NamedTuple

from billing.timestamps import iso
from models.ids import public_id
from models.reconciliation import Mend, ReconciliationDifference, ReconciliationRun, RunStatus

RUN_PREFIX = "rec"
DIFFERENCE_PREFIX = "diff"

MEND_SENTENCES: dict[Mend, str] = {
    Mend.APPLY_GATEWAY_STATE: "Fetch the object again and apply it, as its webhook would have; the run does this by itself.",
    Mend.JUDGE_FOREIGN_OBJECT: "It was not made by this service: look at it in the gateway's dashboard, then dismiss it.",
    Mend.FIND_LOST_OBJECT: "The gateway does not have it: check the account and the mode of the key, and who deleted it.",
    Mend.CORRECT_AMOUNT: "Find out which side is right, correct it at the gateway (refund, or charge the rest), then dismiss it.",
    Mend.REFUND_DUPLICATE: "A second object names the same payment: refund or cancel it at the gateway, then dismiss it.",
    Mend.SETTLE_ATTEMPT: "Let it be looked up and settled; where the gateway has nothing, say so with --as-not-made.",
    Mend.INSPECT_REFUSAL: "The gateway's state was fetched and could not be applied: see the detail, correct it there.",
}


class Tally(NamedTuple):
    """How many differences a run saw, and how many of these are open now."""

    found: int = 0
    still_open: int = 0


def run_representation(run: ReconciliationRun, *, tally: Tally) -> dict[str, object]:
    """Return a run, with how many differences it saw and how many of these are open now.

    `totals` are sums of the gateway's balance transactions in minor units, by currency: `difference` is what the compared ones
    say more than our rows do.
    """
    return {
        "id": public_id(RUN_PREFIX, run.id),
        "status": str(run.status),
        "step": str(run.step) if run.status is not RunStatus.FINISHED else None,
        "since": iso(run.since),
        "until": iso(run.until),
        "compared": dict(run.counts),
        "totals": [
            {
                "currency": currency,
                **totals,
                "difference": totals["compared_amount"] - totals["our_amount"],
            }
            for currency, totals in sorted(run.totals.items())
        ],
        "differences_found": tally.found,
        "differences_open": tally.still_open,
        "requested_by": run.requested_by,
        "error": run.last_error,
        "started_at": iso(run.started_at),
        "finished_at": iso(run.finished_at),
    }


def difference_representation(difference: ReconciliationDifference) -> dict[str, object]:
    """Return a difference with its proposed mend as a code and a sentence."""
    return {
        "id": public_id(DIFFERENCE_PREFIX, difference.id),
        "object_type": str(difference.object_type),
        "kind": str(difference.kind),
        "our_id": difference.our_id,
        "gateway_id": difference.gateway_id,
        "ours": difference.ours,
        "theirs": difference.theirs,
        "proposed_mend": {
            "code": str(difference.mend),
            "sentence": MEND_SENTENCES[difference.mend],
            "detail": difference.mend_detail,
        },
        "state": str(difference.state),
        "first_seen_at": iso(difference.first_seen_at),
        "last_seen_at": iso(difference.last_seen_at),
        "settled_at": iso(difference.settled_at),
        "settled_by": difference.settled_by,
        "reason": difference.reason,
    }
