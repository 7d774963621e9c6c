"""Rule: which way a payment's status may move, and what may be asked of it where it stands."""

from billing.errors import Conflict, InvariantBroken
from models.payment import Payment, PaymentStatus

S = PaymentStatus
FINAL = frozenset({S.SUCCEEDED, S.CANCELED, S.FAILED})
_OPEN = frozenset({S.REQUIRES_PAYMENT_METHOD, S.REQUIRES_CONFIRMATION, S.REQUIRES_ACTION, S.PROCESSING})

# From each status to those that may follow it. Before the capture a payment may go round; the final ones stay.
EDGES: dict[PaymentStatus, frozenset[PaymentStatus]] = {
    S.PENDING: _OPEN | {S.REQUIRES_CAPTURE} | FINAL,
    **{status: (_OPEN - {status}) | {S.REQUIRES_CAPTURE} | FINAL for status in _OPEN},
    S.REQUIRES_CAPTURE: frozenset({S.PROCESSING, S.SUCCEEDED, S.CANCELED}),
    **dict.fromkeys(FINAL, frozenset()),
}
CONFIRMABLE = frozenset({S.REQUIRES_PAYMENT_METHOD, S.REQUIRES_CONFIRMATION, S.REQUIRES_ACTION})
CANCELABLE = _OPEN | {S.REQUIRES_CAPTURE}
CAPTURABLE = frozenset({S.REQUIRES_CAPTURE})
REFUNDABLE = frozenset({S.SUCCEEDED})


class StatusMovedBackwards(InvariantBroken):
    """The gateway reports a status that cannot follow the one that we know."""

    code = "status_moved_backwards"


class PaymentNotInState(Conflict):
    """What was asked for cannot be done where the payment stands."""

    code = "payment_not_in_state"


def require_edge(*, current: PaymentStatus, new: PaymentStatus) -> None:
    """Raise StatusMovedBackwards unless `new` is `current` or may follow it."""
    if new != current and new not in EDGES[current]:
        raise StatusMovedBackwards(f"a payment that is {current} cannot become {new}")


def require_state(payment: Payment, *, allowed: frozenset[PaymentStatus], to: str) -> None:
    """Raise PaymentNotInState unless the payment stands where `to` (a verb: "capture") is possible."""
    if payment.status not in allowed:
        listed = ", ".join(sorted(allowed))
        raise PaymentNotInState(
            f"a payment that is {payment.status} cannot be used to {to}; it takes one that is {listed}"
        )
