"""Rule: how much of a payment is refunded, how much its disputes hold, and how much is left to refund."""

from collections.abc import Sequence

from models.dispute import Dispute, DisputeStatus
from models.payment import Payment
from models.refund import Refund, RefundStatus

_GIVES_NOTHING_BACK = frozenset({RefundStatus.FAILED, RefundStatus.CANCELED})
# The bank has the money, or may yet keep it. An inquiry (`warning_…`) moves none, and a refund is the way to end it; what
# was won is ours again. Source: Stripe's documentation, "How disputes work".
HOLDING = frozenset(
    {DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW, DisputeStatus.LOST, DisputeStatus.PREVENTED}
)


def recount(payment: Payment, *, refunds: Sequence[Refund], disputes: Sequence[Dispute]) -> None:
    """Set what the payment has refunded or reserved for refunds, and what disputes hold, from all of both.

    A refund made at the gateway itself may have taken what one of ours had reserved. Ours is then refused there and counts
    no longer; until it is, the sum stays at what was captured. A dispute may be of more than refunds have left (of 2900 with
    900 refunded, the bank disputes 2900): it holds the 2000 that are left, and all of the 2900 if that refund fails.
    """
    refunded = sum(refund.amount_minor for refund in refunds if refund.status not in _GIVES_NOTHING_BACK)
    disputed = sum(dispute.amount_minor for dispute in disputes if dispute.status in HOLDING)
    payment.amount_refunded_minor = min(refunded, payment.amount_captured_minor)
    payment.amount_disputed_minor = min(disputed, payment.amount_captured_minor - payment.amount_refunded_minor)


def left_to_refund(payment: Payment) -> int:
    """Return the minor units that were captured and are neither refunded, nor reserved for refunds, nor disputed."""
    return payment.amount_captured_minor - payment.amount_refunded_minor - payment.amount_disputed_minor
