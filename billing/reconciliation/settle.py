"""What a person does about a difference: have it looked at again and mended, state that a call was never made, or dismiss it."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.errors import Conflict, Invalid, Unavailable
from billing.observations import OBSERVE_TRIES_MAX, StaleObservation
from billing.operation_outcome import Settlement
from billing.payments.perform import attempt_not_made, look_up_attempt
from billing.payments.perform_refund import look_up_refund, refund_not_made
from billing.payments.representation import PREFIX, REFUND_PREFIX
from billing.reconciliation.find import find_difference
from billing.reconciliation.record import settle
from billing.reconciliation.representation import DIFFERENCE_PREFIX, MEND_SENTENCES
from billing.reconciliation.review import review_difference
from billing.runtime import Runtime
from models.ids import public_id, row_id
from models.reconciliation import DifferenceKind, DifferenceState, ObjectType, ReconciliationDifference


class DifferenceSettled(Conflict):
    """The difference was mended or dismissed already."""

    code = "difference_settled"


class DifferenceStays(Conflict):
    """Both sides were read again and still differ; what would set it right is not done by itself."""

    code = "difference_stays"


class NotAnAttempt(Invalid):
    """Only a call to the gateway of which nobody knows what came can be stated as not made."""

    code = "not_an_attempt"


class AttemptUnknownThere(Conflict):
    """The gateway shows nothing of the call; a person has to state that it was not made."""

    code = "attempt_unknown_there"


class AttemptWasMade(Conflict):
    """The gateway shows what came of the call, so that it cannot be stated as not made."""

    code = "attempt_was_made"


def mend_difference(
    runtime: Runtime, *, public: str, as_not_made: bool, actor: Actor, now: Callable[[], datetime]
) -> ReconciliationDifference:
    """Look at an open difference again, mend what can be mended, and return it settled.

    With `as_not_made` a call that the gateway shows nothing of is ended as refused, so that its payment or refund is free again;
    nothing is ever charged here. Raises DifferenceNotFound, DifferenceSettled, DifferenceStays, NotAnAttempt,
    AttemptUnknownThere, AttemptWasMade, Unavailable.
    """
    difference = _read(runtime, public)
    _require_open(difference)
    is_call = difference.kind is DifferenceKind.ATTEMPT_UNSETTLED
    if as_not_made and not is_call:
        raise NotAnAttempt(f"{public} is no call to the gateway but {difference.kind}")
    review_difference(runtime, difference_id=difference.id, run_id=None, actor=actor, now=now)
    difference = _read(runtime, public)
    if is_call and difference.state is DifferenceState.OPEN:
        _settle_call(runtime, difference, as_not_made=as_not_made, actor=actor, now=now)
        difference = _read(runtime, public)
    if difference.state is DifferenceState.OPEN:
        raise DifferenceStays(difference.mend_detail or MEND_SENTENCES[difference.mend])
    return difference


def dismiss_difference(
    session: Session, *, public: str, reason: str, actor: Actor, now: datetime
) -> ReconciliationDifference:
    """Accept a difference as it is, with the reason; it comes back when one of the sides changes.

    Raises DifferenceNotFound, DifferenceSettled.
    """
    difference = find_difference(session, public=public, lock=True)
    _require_open(difference)
    settle(session, difference=difference, state=DifferenceState.DISMISSED, actor=actor, reason=reason, now=now)
    return difference


def _read(runtime: Runtime, public: str) -> ReconciliationDifference:
    with runtime.transaction() as session:
        return find_difference(session, public=public)


def _settle_call(
    runtime: Runtime,
    difference: ReconciliationDifference,
    *,
    as_not_made: bool,
    actor: Actor,
    now: Callable[[], datetime],
) -> None:
    """Apply what the gateway shows of the call through the use case that its answer would have gone through."""
    settlement = _look_up(runtime, difference)
    if settlement is not None and as_not_made:
        raise AttemptWasMade("the gateway shows what came of the call: repeat this without --as-not-made")
    if settlement is None and not as_not_made:
        raise AttemptUnknownThere(
            "the gateway shows nothing of the call: search its dashboard for the idempotency key and the metadata; where "
            "there is nothing either, repeat this with --as-not-made"
        )
    made = settlement is not None
    settlement = settlement or _not_made(runtime, difference, detail=f"{actor.name} stated that it was never made")
    reason = "what came of the call was looked up and applied" if made else "the call was never made"
    for _ in range(OBSERVE_TRIES_MAX):
        try:
            with runtime.transaction() as session:
                held = find_difference(session, public=public_id(DIFFERENCE_PREFIX, difference.id), lock=True)
                _require_open(held)
                settlement.apply(session, actor=actor, now=now())
                settle(session, difference=held, state=DifferenceState.MENDED, actor=actor, reason=reason, now=now())
        except StaleObservation:
            settlement.refresh(runtime)
        else:
            return
    raise Unavailable("the payment changes faster than it can be read")


def _look_up(runtime: Runtime, difference: ReconciliationDifference) -> Settlement | None:
    if difference.object_type is ObjectType.ATTEMPT:
        return look_up_attempt(runtime, payment_id=row_id(PREFIX, difference.our_id or ""))
    return look_up_refund(runtime, refund_id=row_id(REFUND_PREFIX, difference.our_id or ""))


def _not_made(runtime: Runtime, difference: ReconciliationDifference, *, detail: str) -> Settlement:
    if difference.object_type is ObjectType.ATTEMPT:
        return attempt_not_made(runtime, payment_id=row_id(PREFIX, difference.our_id or ""), detail=detail)
    return refund_not_made(runtime, refund_id=row_id(REFUND_PREFIX, difference.our_id or ""), detail=detail)


def _require_open(difference: ReconciliationDifference) -> None:
    if difference.state is not DifferenceState.OPEN:
        raise DifferenceSettled(f"the difference is {difference.state} since {difference.settled_at:%Y-%m-%d %H:%M}")
