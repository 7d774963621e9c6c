"""Rule: in what an object of ours and the gateway's object differ, and what would set it right.

Safe is what the object's webhook would have done: the gateway's state is fetched again and applied. Amounts and currencies of
payments and refunds were agreed before the call, so a difference in them is nobody's missed event, and a person decides. Of a
dispute the gateway keeps the record: its amount may change, and is followed.
"""

from typing import NamedTuple

from billing.gateways.snapshots import BalanceEntrySnapshot, DisputeSnapshot, IntentSnapshot, RefundSnapshot
from billing.payments.lifecycle import FINAL
from billing.payments.representation import DISPUTE_PREFIX, PREFIX, REFUND_PREFIX
from models.dispute import Dispute
from models.ids import public_id
from models.payment import Payment, PaymentStatus
from models.reconciliation import DifferenceKind, Mend, ObjectType
from models.refund import Refund, RefundStatus

Facts = dict[str, object]
_CHARGES = frozenset({"charge", "payment"})
_REFUNDS = frozenset({"refund", "payment_refund"})
_FAILED_REFUND = "refund_failure"
_DISPUTES = "adjustment"


class Finding(NamedTuple):
    """One difference of one object, as a comparison found it."""

    object_type: ObjectType
    kind: DifferenceKind
    our_id: str | None
    gateway_id: str | None
    ours: Facts | None
    theirs: Facts | None
    mend: Mend

    @property
    def subject(self) -> str:
        """The object's name at the gateway, or ours where it has none there."""
        return self.gateway_id or self.our_id or ""


class _Pair(NamedTuple):
    """Both sides of one object."""

    object_type: ObjectType
    our_id: str | None
    gateway_id: str | None
    ours: Facts | None
    theirs: Facts | None

    def differs(self, kind: DifferenceKind, mend: Mend) -> Finding:
        return Finding(self.object_type, kind, self.our_id, self.gateway_id, self.ours, self.theirs, mend)

    def differences(self, mends: dict[str, tuple[DifferenceKind, Mend]]) -> list[Finding]:
        """Return one finding for each of the named facts in which the sides differ; several facts of one kind make one."""
        ours, theirs = self.ours or {}, self.theirs or {}
        found = {
            kind: self.differs(kind, mend) for name, (kind, mend) in mends.items() if ours.get(name) != theirs.get(name)
        }
        return list(found.values())


def compare_payment(*, ours: Payment | None, theirs: IntentSnapshot | None) -> list[Finding]:
    """Return in what a payment differs; None stands for a side that does not have it.

    What was captured follows from the status until that is final, and is then agreed as the amount is.
    """
    pair = _Pair(
        ObjectType.PAYMENT,
        public_id(PREFIX, ours.id) if ours else None,
        theirs.id if theirs else ours.gateway_id if ours else None,
        _payment_facts(ours) if ours else None,
        _intent_facts(theirs) if theirs else None,
    )
    if ours is None:
        return [pair.differs(DifferenceKind.MISSING_HERE, Mend.JUDGE_FOREIGN_OBJECT)]
    if theirs is None:
        return [pair.differs(DifferenceKind.MISSING_THERE, Mend.FIND_LOST_OBJECT)]
    if ours.gateway_id is None:
        return [pair.differs(DifferenceKind.MISSING_HERE, Mend.APPLY_GATEWAY_STATE)]
    if ours.gateway_id != theirs.id:
        if theirs.status == PaymentStatus.CANCELED:  # it can take no money any more
            return []
        return [pair.differs(DifferenceKind.DUPLICATE_THERE, Mend.REFUND_DUPLICATE)]
    agreed = pair.differences(_AGREED)
    if agreed or ours.status != theirs.status:
        return agreed + pair.differences(_STATUS)
    return pair.differences({"amount_captured": (DifferenceKind.AMOUNT_DIFFERS, Mend.CORRECT_AMOUNT)})


def compare_refund(*, ours: Refund | None, theirs: RefundSnapshot | None, payment_known: bool) -> list[Finding]:
    """Return in what a refund differs. One that was made at the gateway itself is adopted where its payment is ours."""
    pair = _Pair(
        ObjectType.REFUND,
        public_id(REFUND_PREFIX, ours.id) if ours else None,
        theirs.id if theirs else ours.gateway_id if ours else None,
        _row_facts(ours) if ours else None,
        _object_facts(theirs) if theirs else None,
    )
    if ours is None or ours.gateway_id is None:
        mend = Mend.APPLY_GATEWAY_STATE if payment_known else Mend.JUDGE_FOREIGN_OBJECT
        return [pair.differs(DifferenceKind.MISSING_HERE, mend)]
    if theirs is None:
        return [pair.differs(DifferenceKind.MISSING_THERE, Mend.FIND_LOST_OBJECT)]
    return pair.differences({**_AGREED, **_STATUS})


def compare_dispute(*, ours: Dispute | None, theirs: DisputeSnapshot | None, payment_known: bool) -> list[Finding]:
    """Return in what a dispute differs; one that we never heard of is adopted where its payment is ours."""
    pair = _Pair(
        ObjectType.DISPUTE,
        public_id(DISPUTE_PREFIX, ours.id) if ours else None,
        theirs.id if theirs else ours.gateway_id if ours else None,
        _row_facts(ours) if ours else None,
        _object_facts(theirs) if theirs else None,
    )
    if ours is None:
        mend = Mend.APPLY_GATEWAY_STATE if payment_known else Mend.JUDGE_FOREIGN_OBJECT
        return [pair.differs(DifferenceKind.MISSING_HERE, mend)]
    if theirs is None:
        return [pair.differs(DifferenceKind.MISSING_THERE, Mend.FIND_LOST_OBJECT)]
    return pair.differences(
        {**{name: (kind, Mend.APPLY_GATEWAY_STATE) for name, (kind, _) in _AGREED.items()}, **_STATUS}
    )


def is_compared(entry: BalanceEntrySnapshot) -> bool:
    """Say whether a movement of the balance is one of a payment, a refund or a dispute; fees and payouts are not ours."""
    kind = entry.source.object if entry.source is not None else None
    return (
        (entry.type in _CHARGES and kind == "charge")
        or (entry.type in {*_REFUNDS, _FAILED_REFUND} and kind == "refund")
        or (entry.type == _DISPUTES and kind == "dispute")
    )


def expected_amount(entry: BalanceEntrySnapshot, *, ours: Payment | Refund | Dispute | None) -> int:
    """Return what our row says the movement is, signed, in minor units; 0 where we have none.

    The gateway settles in the account's own currency: what it converted cannot be derived from ours and is taken as it is.
    For 29.00 captured, 9.00 of it refunded and a dispute of 20.00: 2900, -900 and -2000; won, +2000.
    """
    if ours is None:
        return 0
    if entry.currency.upper() != ours.currency:
        return entry.amount
    if isinstance(ours, Payment):
        return ours.amount_captured_minor
    gives = entry.type in _REFUNDS or (isinstance(ours, Dispute) and entry.amount < 0)
    return -ours.amount_minor if gives else ours.amount_minor


def compare_entry(entry: BalanceEntrySnapshot, *, ours: Payment | Refund | Dispute | None) -> list[Finding]:
    """Return in what a movement of the balance differs from the row that it came from."""
    pair = _Pair(
        ObjectType.BALANCE_TRANSACTION,
        our_id(ours) if ours is not None else None,
        entry.id,
        {"status": str(ours.status), "amount": expected_amount(entry, ours=ours), "currency": ours.currency}
        if ours is not None
        else None,
        _entry_facts(entry),
    )
    if ours is None:
        return [pair.differs(DifferenceKind.MISSING_HERE, Mend.JUDGE_FOREIGN_OBJECT)]
    if isinstance(ours, Refund) and entry.type == _FAILED_REFUND and ours.status is not RefundStatus.FAILED:
        return [pair.differs(DifferenceKind.STATUS_DIFFERS, Mend.APPLY_GATEWAY_STATE)]
    if expected_amount(entry, ours=ours) == entry.amount:
        return []
    follows = isinstance(ours, Dispute) or (isinstance(ours, Payment) and ours.status not in FINAL)
    return [
        pair.differs(DifferenceKind.AMOUNT_DIFFERS, Mend.APPLY_GATEWAY_STATE if follows else Mend.CORRECT_AMOUNT),
    ]


def _payment_facts(payment: Payment) -> Facts:
    return {
        "status": str(payment.status),
        "amount": payment.amount_minor,
        "amount_captured": payment.amount_captured_minor,
        "currency": payment.currency,
    }


def our_id(row: Payment | Refund | Dispute) -> str:
    """Return the public id of one of our rows."""
    if isinstance(row, Payment):
        return public_id(PREFIX, row.id)
    return public_id(REFUND_PREFIX if isinstance(row, Refund) else DISPUTE_PREFIX, row.id)


_AGREED = {
    "amount": (DifferenceKind.AMOUNT_DIFFERS, Mend.CORRECT_AMOUNT),
    "currency": (DifferenceKind.CURRENCY_DIFFERS, Mend.CORRECT_AMOUNT),
}
_STATUS = {"status": (DifferenceKind.STATUS_DIFFERS, Mend.APPLY_GATEWAY_STATE)}


def _intent_facts(intent: IntentSnapshot) -> Facts:
    return {
        "status": intent.status,
        "amount": intent.amount,
        "amount_captured": intent.amount_received,
        "currency": intent.currency.upper(),
        "payment_intent": intent.id,
    }


def _row_facts(row: Refund | Dispute) -> Facts:
    return {"status": str(row.status), "amount": row.amount_minor, "currency": row.currency}


def _object_facts(snapshot: RefundSnapshot | DisputeSnapshot) -> Facts:
    return {
        "status": snapshot.status,
        "amount": snapshot.amount,
        "currency": snapshot.currency.upper(),
        "payment_intent": snapshot.payment_intent,
    }


def _entry_facts(entry: BalanceEntrySnapshot) -> Facts:
    return {
        "type": entry.type,
        "amount": entry.amount,
        "currency": entry.currency.upper(),
        "source": entry.source.id if entry.source else None,
        "source_type": entry.source.object if entry.source else None,
        "payment_intent": entry.source.payment_intent if entry.source else None,
    }
