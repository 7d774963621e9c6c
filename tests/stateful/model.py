"""What a payment may be, said without the service: a small pure model that the state machine holds it against.

It knows what was asked for and what the customer's bank was told, and from that which states can be true. Where an answer
was lost or a worker has not come yet, more than one can; the gateway's own word decides between them at the end.
"""

from dataclasses import dataclass, field

APPROVED = frozenset({"pm_card_visa", "pm_card_mastercard"})
DECLINED = frozenset({"pm_card_chargeDeclined", "pm_card_chargeDeclinedInsufficientFunds", "pm_card_radarBlock"})
ASKING = frozenset({"pm_card_threeDSecure2Required"})
UNKNOWN = frozenset({"pm_doesNotExist"})
CARDS = sorted(APPROVED | DECLINED | ASKING | UNKNOWN)

FINAL = frozenset({"succeeded", "canceled", "failed"})
CONFIRMABLE = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
CANCELABLE = CONFIRMABLE | {"processing", "requires_capture"}
_AFTER_RESERVATION = frozenset({"requires_capture", "processing", "succeeded", "canceled"})


@dataclass
class PaymentModel:
    """What was asked for of one payment, and what was last seen of it."""

    amount: int
    manual: bool
    method: str | None
    confirm: bool
    seen: str = "pending"
    tried: set[str] = field(default_factory=set)
    authenticated: bool = False
    refused_by_bank: bool = False
    capture_asked: set[int] = field(default_factory=set)
    cancel_asked: bool = False
    refunds: dict[str, int] = field(default_factory=dict)
    disputed: bool = False

    def __post_init__(self) -> None:
        if self.confirm:
            self.confirm_asked(self.method)

    def statuses(self) -> set[str]:
        """Return every status that what was asked for can have led to."""
        reserved = bool(self.tried & APPROVED) or self.authenticated
        possible = {"pending"}
        if self.method is None or self.tried & (DECLINED | UNKNOWN) or self.refused_by_bank:
            possible.add("requires_payment_method")
        if self.method is not None:
            possible.add("requires_confirmation")
        if self.tried & ASKING:
            possible.add("requires_action")
        # A method that does not exist ends a payment at its creation, confirmed or not.
        if self.method in UNKNOWN or self.tried & UNKNOWN:
            possible.add("failed")
        if reserved and self.manual:
            possible.add("requires_capture")
        if reserved and (not self.manual or self.capture_asked):
            possible.add("succeeded")
        if self.cancel_asked:
            possible.add("canceled")
        return possible

    def captured(self) -> set[int]:
        """Return the amounts that can have been captured."""
        return ({0} | self.capture_asked) if self.manual else {0, self.amount}

    def confirm_asked(self, card: str | None) -> None:
        """Take note of a confirmation that was accepted; without a card it is by one that was named before."""
        if card is not None:
            self.tried.add(card)
        elif self.method is not None:
            self.tried.add(self.method)

    def bank_said(self, *, passes: bool) -> None:
        """Take note of how the customer's bank decided."""
        self.authenticated |= passes
        self.refused_by_bank |= not passes

    def see(self, status: str) -> None:
        """Take note of a status. Raises AssertionError for one that cannot be, or cannot follow the one before."""
        assert status in self.statuses(), f"{status} cannot be; {sorted(self.statuses())} can"
        if status != self.seen:
            assert self.seen not in FINAL, f"{self.seen} is final, and became {status}"
            assert status != "pending", f"{self.seen} became pending"
            if self.seen == "requires_capture":
                assert status in _AFTER_RESERVATION, f"what is reserved became {status}"
        self.seen = status

    def refund_asked(self, refund_id: str, amount: int) -> None:
        """Take note of a refund that was accepted."""
        assert amount > 0
        self.refunds[refund_id] = amount
