"""Disputes: money is withdrawn, and comes back when the dispute is won."""

from sandbox.json_types import Json
from sandbox.objects.balance import new_balance_transaction
from sandbox.objects.disputes import new_dispute
from sandbox.wire.errors import invalid_request
from sandbox.work import Work

# What a dispute costs, in the smallest unit; it is given back when the dispute is won.
_DISPUTE_FEE = 1500
_OPEN = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")

# Stripe's test mode decides a dispute by these words in `evidence[uncategorized_text]`.
_DECIDING_WORDS = {"winning_evidence": "won", "losing_evidence": "lost"}


def open_dispute(*, work: Work, charge: Json, reason: str) -> Json:
    """Open a dispute of a whole charge and withdraw the money. Return the dispute."""
    if charge["disputed"]:
        raise invalid_request(message=f"Charge {charge['id']} is already disputed.")
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise invalid_request(message=f"Charge {charge['id']} was not paid; only a paid charge can be disputed.")
    dispute = new_dispute(charge=charge, reason=reason, created=work.created)
    _move_money(work, dispute=dispute, amount=-dispute["amount"], fee=_DISPUTE_FEE)
    charge["disputed"] = True
    work.add(dispute, event="charge.dispute.created")
    work.emit("charge.dispute.funds_withdrawn", dispute)
    work.save(charge, event="charge.updated", tells_difference=True)
    return dispute


def submit_evidence(*, work: Work, dispute: Json, evidence: Json, is_final: bool) -> None:
    """Add evidence; where it is final, hand it in, which in test mode may decide the dispute."""
    _check_open(dispute)
    dispute["evidence"] |= evidence
    dispute["evidence_details"]["has_evidence"] = any(value for value in dispute["evidence"].values())
    if is_final:
        dispute["status"] = "under_review"
        dispute["evidence_details"]["submission_count"] += 1
    work.save(dispute, event="charge.dispute.updated", tells_difference=True)
    outcome = _DECIDING_WORDS.get(str(dispute["evidence"].get("uncategorized_text")))
    if is_final and outcome is not None:
        close_dispute(work=work, dispute=dispute, outcome=outcome)


def close_dispute(*, work: Work, dispute: Json, outcome: str) -> None:
    """Close a dispute as `won` (the money and the fee come back) or `lost`."""
    _check_open(dispute)
    dispute["status"] = outcome
    if outcome == "won":
        _move_money(work, dispute=dispute, amount=dispute["amount"], fee=-_DISPUTE_FEE)
    work.save(dispute)
    if outcome == "won":
        work.emit("charge.dispute.funds_reinstated", dispute)
    work.emit("charge.dispute.closed", dispute)


def _check_open(dispute: Json) -> None:
    if dispute["status"] not in _OPEN:
        raise invalid_request(message=f"This dispute is already closed; its status is {dispute['status']}.")


def _move_money(work: Work, *, dispute: Json, amount: int, fee: int) -> None:
    entry = work.add(
        new_balance_transaction(
            source={**dispute, "description": f"Chargeback {'withdrawal' if amount < 0 else 'reversal'}"},
            amount=amount,
            fee=fee,
            entry_type="adjustment",
            category="dispute" if amount < 0 else "dispute_reversal",
            created=work.created,
        )
    )
    dispute["balance_transactions"].append(entry)
