"""Rule: what payments, refunds, disputes and the gateway's fees are in the books.

What a payment, a refund or a dispute has moved is a position: the captured amount, the amount of a refund that has succeeded,
the amount that a dispute holds. A fact moves the position, and its entry is the difference: 2900 captured is an entry of 2900;
a refund of 900 that succeeded and then failed is one of 900 and one back. The key holds the payment's version, which grows with
each answer of the gateway that is applied, so that no two moves share a key and none is lost, however often a bank reopens.
"""

from datetime import UTC, datetime

from billing.gateways.snapshots import BalanceEntrySnapshot
from billing.ledger.entry import Entry, Posting
from billing.payments.refundable import HOLDING
from billing.payments.representation import DISPUTE_PREFIX, PREFIX, REFUND_PREFIX
from models.dispute import Dispute
from models.ids import public_id
from models.ledger import Account, EntryKind
from models.payment import Payment, PaymentPurpose
from models.refund import Refund, RefundStatus

# How the keys begin; `{name}-{uuid}-` is the range of one object's entries. billing/ledger/verify.py relies on it.
PAYMENT_KEY = "payment-captured"
REFUND_KEY = "refund-paid"
DISPUTE_KEY = "dispute-held"
FEE_KEY = "gateway-fee"


def paid_out(refund: Refund) -> int:
    """Return the minor units that the refund has given back: all of it once it has succeeded, until it fails after all."""
    return refund.amount_minor if refund.status is RefundStatus.SUCCEEDED else 0


def held_by(dispute: Dispute) -> int:
    """Return the minor units that the bank has taken back for the dispute, until it is won. An inquiry takes none."""
    return dispute.amount_minor if dispute.status in HOLDING else 0


def capture_entries(payment: Payment, *, before: int, at: datetime, key_end: str = "") -> list[Entry]:
    """Return the entry of what was captured since the position `before`; none where nothing was.

    2900 captured: debit gateway_clearing 2900, credit revenue 2900; for credits it is credit deferred_revenue 2900, and for an
    invoice, which was revenue when it was issued, credit receivable 2900.
    """
    moved = payment.amount_captured_minor - before
    if not moved:
        return []
    return [
        Entry(
            key=f"{PAYMENT_KEY}-{payment.id}-{payment.version}{key_end}",
            kind=EntryKind.PAYMENT_CAPTURED,
            occurred_at=at,
            customer_id=payment.customer_id,
            reference=public_id(PREFIX, payment.id),
            postings=(
                Posting(account=Account.GATEWAY_CLEARING, asset=payment.currency, amount=moved),
                _earned(payment, moved),
            ),
        )
    ]


def _earned(payment: Payment, moved: int) -> Posting:
    if payment.purpose is PaymentPurpose.CREDITS:
        account, owner = Account.DEFERRED_REVENUE, payment.customer_id
    elif payment.purpose is PaymentPurpose.INVOICE:
        account, owner = Account.RECEIVABLE, payment.customer_id
    else:
        account, owner = Account.REVENUE, None
    return Posting(account=account, asset=payment.currency, amount=-moved, customer_id=owner)


def refund_entries(payment: Payment, refund: Refund, *, before: int, at: datetime, key_end: str = "") -> list[Entry]:
    """Return the entry of what the refund gave back since the position `before`, or of what came back to us; or none.

    900 refunded: debit refunds 900, credit gateway_clearing 900. It failed after all: the same the other way round.
    """
    moved = paid_out(refund) - before
    if not moved:
        return []
    return [
        Entry(
            key=f"{REFUND_KEY}-{refund.id}-{payment.version}{key_end}",
            kind=EntryKind.REFUND_PAID if moved > 0 else EntryKind.REFUND_RETURNED,
            occurred_at=at,
            customer_id=payment.customer_id,
            reference=public_id(REFUND_PREFIX, refund.id),
            postings=(
                Posting(account=Account.REFUNDS, asset=refund.currency, amount=moved),
                Posting(account=Account.GATEWAY_CLEARING, asset=refund.currency, amount=-moved),
            ),
        )
    ]


def dispute_entries(payment: Payment, dispute: Dispute, *, before: int, at: datetime, key_end: str = "") -> list[Entry]:
    """Return the entry of what the bank took back since the position `before`, or of what it reinstated; or none.

    A dispute of 2000: debit disputes 2000, credit gateway_clearing 2000. It is won: the same the other way round.
    """
    moved = held_by(dispute) - before
    if not moved:
        return []
    return [
        Entry(
            key=f"{DISPUTE_KEY}-{dispute.id}-{payment.version}{key_end}",
            kind=EntryKind.DISPUTE_WITHDRAWN if moved > 0 else EntryKind.DISPUTE_REINSTATED,
            occurred_at=at,
            customer_id=dispute.customer_id,
            reference=public_id(DISPUTE_PREFIX, dispute.id),
            postings=(
                Posting(account=Account.DISPUTES, asset=dispute.currency, amount=moved),
                Posting(account=Account.GATEWAY_CLEARING, asset=dispute.currency, amount=-moved),
            ),
        )
    ]


def fee_entries(movement: BalanceEntrySnapshot) -> list[Entry]:
    """Return the entry of the fee that the gateway took of a movement of its balance; none where it took none.

    A fee of 114: debit gateway_fees 114, credit gateway_clearing 114, in the currency of the balance. A fee that is given
    back is negative.
    """
    if not movement.fee:
        return []
    currency = movement.currency.upper()
    return [
        Entry(
            key=f"{FEE_KEY}-{movement.id}",
            kind=EntryKind.GATEWAY_FEE,
            occurred_at=datetime.fromtimestamp(movement.created, UTC),
            reference=movement.id,
            postings=(
                Posting(account=Account.GATEWAY_FEES, asset=currency, amount=movement.fee),
                Posting(account=Account.GATEWAY_CLEARING, asset=currency, amount=-movement.fee),
            ),
        )
    ]
