"""Rows of ours and objects of the gateway that agree, to be changed by a test."""

from datetime import UTC, datetime

from billing.gateways.snapshots import BalanceEntrySnapshot, DisputeSnapshot, IntentSnapshot, RefundSnapshot
from models.dispute import Dispute, DisputeStatus
from models.ids import new_id
from models.payment import Payment, PaymentStatus
from models.refund import Refund, RefundStatus

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def payment(**changed: object) -> Payment:
    facts: dict[str, object] = {
        "id": new_id(),
        "gateway_id": "pi_1",
        "status": PaymentStatus.SUCCEEDED,
        "amount_minor": 2900,
        "amount_captured_minor": 2900,
        "currency": "USD",
    }
    return Payment(**{**facts, **changed})


def intent(**changed: object) -> IntentSnapshot:
    facts: dict[str, object] = {
        "id": "pi_1",
        "status": "succeeded",
        "amount": 2900,
        "amount_received": 2900,
        "currency": "usd",
        "livemode": False,
    }
    return IntentSnapshot.model_validate({**facts, **changed})


def refund(**changed: object) -> Refund:
    facts: dict[str, object] = {
        "id": new_id(),
        "gateway_id": "re_1",
        "status": RefundStatus.SUCCEEDED,
        "amount_minor": 900,
        "currency": "USD",
    }
    return Refund(**{**facts, **changed})


def refund_there(**changed: object) -> RefundSnapshot:
    facts: dict[str, object] = {
        "id": "re_1",
        "status": "succeeded",
        "amount": 900,
        "currency": "usd",
        "payment_intent": "pi_1",
    }
    return RefundSnapshot.model_validate({**facts, **changed})


def dispute(**changed: object) -> Dispute:
    facts: dict[str, object] = {
        "id": new_id(),
        "gateway_id": "du_1",
        "status": DisputeStatus.NEEDS_RESPONSE,
        "amount_minor": 2000,
        "currency": "USD",
    }
    return Dispute(**{**facts, **changed})


def dispute_there(**changed: object) -> DisputeSnapshot:
    facts: dict[str, object] = {
        "id": "du_1",
        "status": "needs_response",
        "amount": 2000,
        "currency": "usd",
        "reason": "fraudulent",
        "livemode": False,
        "created": 1,
        "payment_intent": "pi_1",
        "evidence_details": {"due_by": None, "submission_count": 0},
        "evidence": {},
    }
    return DisputeSnapshot.model_validate({**facts, **changed})


def entry(type_: str, amount: int, *, source: str | None, currency: str = "usd") -> BalanceEntrySnapshot:
    """Return a movement of the balance whose source is a `charge`, a `refund`, a `dispute`, or something else."""
    return BalanceEntrySnapshot.model_validate(
        {
            "id": "txn_1",
            "type": type_,
            "created": 1,
            "amount": amount,
            "fee": 0,
            "net": amount,
            "currency": currency,
            "source": {"id": "x_1", "object": source, "payment_intent": "pi_1"} if source else None,
        }
    )
