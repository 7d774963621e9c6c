"""What operations on credits answer, and the ways in which they are refused."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from billing.credits.journal import instant
from billing.errors import BillingError, Conflict, Invalid, NotFound
from billing.idempotency import IdempotencyKeyReused

# How long a receiver knows a transfer again, also after a rebuild.
RECEIVED_KEPT = timedelta(days=30)


class InsufficientCredits(BillingError):
    """The balance is less than what is asked for. Nothing was taken."""

    status = 402
    code = "insufficient_credits"
    title = "Insufficient credits"

    def __init__(self, *, balance: int, asked: int) -> None:
        super().__init__(f"{asked} credits are asked for, and {balance} can be spent", extensions={"balance": balance})


class CreditLimitExceeded(Conflict):
    """The customer would hold more than MAX_CREDIT_BALANCE."""

    code = "credit_limit_exceeded"


class TooManyHolds(Conflict):
    """The customer has as many holds as an account takes; capture or release some."""

    code = "too_many_holds"


class HoldNotFound(NotFound):
    """There is no such hold."""

    code = "hold_not_found"


class HoldEnded(Conflict):
    """The hold was captured, was released, or expired."""

    code = "hold_ended"


class CaptureExceedsHold(Invalid):
    """More is to be captured than is held."""

    code = "capture_exceeds_hold"


class KeptAs(NamedTuple):
    """Under which idempotency key an answer is kept, and what the request looked like: digests in hexadecimal digits."""

    key: str
    request: str


class CreditOrder(NamedTuple):
    """Who wants what done with whose credits, and under which idempotency key; `id` is the transaction's, None for a new one."""

    customer_id: UUID
    amount: int
    operation: str
    metadata: dict[str, str]
    actor: str
    kept: KeptAs
    id: UUID | None = None


class CreditAnswer(NamedTuple):
    """An operation that was done: its transaction, and what could be spent right after it."""

    id: UUID
    customer_id: UUID
    operation: str
    amount: int
    balance: int
    at: datetime
    replayed: bool


def done(raw: Sequence[Any], order: CreditOrder) -> CreditAnswer:
    """Return the answer in what a script returned: {done | replayed, id, balance, at, …}.

    Raises IdempotencyKeyReused, InsufficientCredits.
    """
    if raw[0] == "reused":
        raise IdempotencyKeyReused("this Idempotency-Key was used for another request; take a new one for a new wish")
    if raw[0] == "insufficient":
        raise InsufficientCredits(balance=raw[1], asked=order.amount)
    _, id_, balance, at = raw[:4]
    return CreditAnswer(
        UUID(id_), order.customer_id, order.operation, order.amount, balance, instant(at), raw[0] == "replayed"
    )
