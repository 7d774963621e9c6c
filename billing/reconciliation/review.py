"""Process: look at a difference again, mend it where that is safe, and write down what came of it.

Both sides are read anew, so that what was only in flight when it was found is forgotten. The mend is the handler of the webhook
that would have told of it: the gateway's state is fetched against the version of our row and applied by the same use case.
What that use case refuses stays open for a person, with the reason.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.errors import BillingError, Unavailable
from billing.observations import OBSERVE_TRIES_MAX, StaleObservation
from billing.payments.representation import PREFIX, REFUND_PREFIX
from billing.reconciliation import our_side, their_side
from billing.reconciliation.compare import (
    Facts,
    Finding,
    compare_dispute,
    compare_entry,
    compare_payment,
    compare_refund,
)
from billing.reconciliation.listed import Effect
from billing.reconciliation.record import renew, settle
from billing.reconciliation.representation import DIFFERENCE_PREFIX
from billing.reconciliation.unsettled import unsettled_attempts, unsettled_refunds
from billing.runtime import Runtime
from billing.webhooks.handlers import on_dispute, on_payment_intent, on_refund
from models.dispute import Dispute
from models.ids import public_id, row_id
from models.payment import Payment
from models.reconciliation import (
    DifferenceKind,
    DifferenceState,
    Mend,
    ObjectType,
    ReconciliationDifference,
    ReconciliationFinding,
    ReconciliationRun,
)
from models.refund import Refund

# Each may cost five calls, and a slice has to end well before its lease does.
REVIEWED_PER_SLICE = 5
RUN_ACTOR = Actor("reconciliation")
_MONEY_KINDS = frozenset(
    {DifferenceKind.AMOUNT_DIFFERS, DifferenceKind.CURRENCY_DIFFERS, DifferenceKind.DUPLICATE_THERE}
)
log = structlog.get_logger(__name__)


def review_some(runtime: Runtime, *, run: ReconciliationRun, now: Callable[[], datetime]) -> Effect:
    """Review some of the open differences that this run has not looked at yet, older ones included."""
    unreviewed = or_(
        ReconciliationDifference.reviewed_run_id.is_(None), ReconciliationDifference.reviewed_run_id != run.id
    )
    query = (
        select(ReconciliationDifference.id)
        .where(ReconciliationDifference.state == DifferenceState.OPEN, unreviewed)
        .order_by(ReconciliationDifference.id)
        .limit(REVIEWED_PER_SLICE)
    )
    with runtime.transaction() as session:
        waiting = session.scalars(query).all()
    for difference_id in waiting:
        review_difference(runtime, difference_id=difference_id, run_id=run.id, actor=RUN_ACTOR, now=now)

    def effect(_session: Session, _held: ReconciliationRun, _now: datetime) -> str | None:
        return str(waiting[-1]) if len(waiting) == REVIEWED_PER_SLICE else None

    return effect


def review_difference(
    runtime: Runtime, *, difference_id: UUID, run_id: UUID | None, actor: Actor, now: Callable[[], datetime]
) -> None:
    """Look at an open difference again, and mend it where that is safe. Raises Unavailable; nothing is lost then."""
    with runtime.transaction() as session:
        difference = session.get_one(ReconciliationDifference, difference_id)
    names = {"difference": public_id(DIFFERENCE_PREFIX, difference_id), "customer_id": None}
    with structlog.contextvars.bound_contextvars(**names):
        was_applied, refusal = False, None
        finding: Finding | None = _as_it_was(difference)
        try:
            finding = _look_again(runtime, difference)
            if finding is not None and finding.mend is Mend.APPLY_GATEWAY_STATE:
                _apply(runtime, finding, now=now)
                was_applied, finding = True, _look_again(runtime, difference)
        except Unavailable:
            raise
        except BillingError as error:
            refusal = f"{error.code}: {error.detail}"
            log.error("reconciliation.not_mended", reason=refusal)  # noqa: TRY400 - the reason says it
        except Exception as error:
            # One that cannot be looked at must not keep the run from all the others.
            refusal = type(error).__name__
            log.exception("reconciliation.review_failed")
        with runtime.transaction() as session:
            _conclude(
                session,
                difference_id,
                finding,
                was_applied=was_applied,
                refusal=refusal,
                run_id=run_id,
                actor=actor,
                now=now(),
            )


def _conclude(
    session: Session,
    difference_id: UUID,
    finding: Finding | None,
    *,
    was_applied: bool,
    refusal: str | None,
    run_id: UUID | None,
    actor: Actor,
    now: datetime,
) -> None:
    query = select(ReconciliationDifference).where(ReconciliationDifference.id == difference_id).with_for_update()
    difference = session.scalar(query)
    if difference is None or difference.state is not DifferenceState.OPEN:
        return  # somebody settled it meanwhile
    if finding is None and not was_applied and run_id is not None and difference.first_run_id == run_id:
        session.delete(difference)  # it was in flight when the run saw it
        return
    difference.reviewed_run_id = run_id or difference.reviewed_run_id
    if finding is None:
        reason = "the gateway's state was applied" if was_applied else "both sides say the same now"
        settle(session, difference=difference, state=DifferenceState.MENDED, actor=actor, reason=reason, now=now)
        log.info("reconciliation.mended", subject=difference.subject, kind=str(difference.kind), reason=reason)
        return
    difference.mend_detail = None
    renew(difference, finding=finding, now=now)
    if refusal is not None:
        difference.mend, difference.mend_detail = Mend.INSPECT_REFUSAL, refusal
    if difference.kind in _MONEY_KINDS:
        log.error(
            "reconciliation.money_differs",
            subject=difference.subject,
            kind=str(difference.kind),
            ours=difference.ours,
            theirs=difference.theirs,
            mend="see docs/how-to/reconcile.md",
        )
    if run_id is not None and session.get(ReconciliationFinding, (run_id, difference_id)) is None:
        session.add(ReconciliationFinding(run_id=run_id, difference_id=difference_id))


def _as_it_was(difference: ReconciliationDifference) -> Finding:
    return Finding(
        difference.object_type,
        difference.kind,
        difference.our_id,
        difference.gateway_id,
        difference.ours,
        difference.theirs,
        difference.mend,
    )


def _look_again(runtime: Runtime, difference: ReconciliationDifference) -> Finding | None:
    """Read both sides anew and return what is left of the difference."""
    unsettled = difference.kind is DifferenceKind.ATTEMPT_UNSETTLED
    look = _look_at_call if unsettled else _LOOKS[difference.object_type]
    return next((found for found in look(runtime, difference) if found.kind is difference.kind), None)


def _look_at_call(runtime: Runtime, difference: ReconciliationDifference) -> list[Finding]:
    our_id = difference.our_id or ""
    with runtime.transaction() as session:
        if difference.object_type is ObjectType.ATTEMPT:
            return unsettled_attempts(session, payment_id=row_id(PREFIX, our_id))
        return unsettled_refunds(session, refunds=[session.get_one(Refund, row_id(REFUND_PREFIX, our_id))])


def _look_at_payment(runtime: Runtime, difference: ReconciliationDifference) -> list[Finding]:
    theirs = their_side.intent_or_none(runtime, gateway_id=difference.gateway_id or "")
    with runtime.transaction() as session:
        if theirs is not None:
            ours = our_side.payments_of(session, intents=[theirs]).get(theirs.id)
        else:
            ours = session.scalar(select(Payment).where(Payment.gateway_id == difference.gateway_id))
    return compare_payment(ours=ours, theirs=theirs) if ours or theirs else []


def _look_at_refund(runtime: Runtime, difference: ReconciliationDifference) -> list[Finding]:
    theirs = their_side.refund_or_none(runtime, gateway_id=difference.gateway_id or "")
    with runtime.transaction() as session:
        if theirs is not None:
            ours = our_side.refunds_of_page(session, refunds=[theirs]).get(theirs.id)
        else:
            ours = session.scalar(select(Refund).where(Refund.gateway_id == difference.gateway_id))
        known = our_side.known_intents(session, intents=[theirs.payment_intent if theirs else None])
    return compare_refund(ours=ours, theirs=theirs, payment_known=bool(known)) if ours or theirs else []


def _look_at_dispute(runtime: Runtime, difference: ReconciliationDifference) -> list[Finding]:
    theirs = their_side.dispute_or_none(runtime, gateway_id=difference.gateway_id or "")
    with runtime.transaction() as session:
        ours = session.scalar(select(Dispute).where(Dispute.gateway_id == difference.gateway_id))
        known = our_side.known_intents(session, intents=[theirs.payment_intent if theirs else None])
    return compare_dispute(ours=ours, theirs=theirs, payment_known=bool(known)) if ours or theirs else []


def _look_at_entry(runtime: Runtime, difference: ReconciliationDifference) -> list[Finding]:
    theirs = their_side.entry_or_none(runtime, gateway_id=difference.gateway_id or "")
    if theirs is None:
        return []
    with runtime.transaction() as session:
        return compare_entry(theirs, ours=our_side.sources_of(session, entries=[theirs]).get(theirs.id))


_LOOKS: dict[ObjectType, Callable[[Runtime, ReconciliationDifference], list[Finding]]] = {
    ObjectType.PAYMENT: _look_at_payment,
    ObjectType.REFUND: _look_at_refund,
    ObjectType.DISPUTE: _look_at_dispute,
    ObjectType.BALANCE_TRANSACTION: _look_at_entry,
}


def _apply(runtime: Runtime, finding: Finding, *, now: Callable[[], datetime]) -> None:
    """Do what the webhook about the object would have done."""
    for _ in range(OBSERVE_TRIES_MAX):
        effect = _handler_of(runtime, finding)
        if effect is None:
            return
        try:
            with runtime.transaction() as session:
                effect(session, now())
        except StaleObservation:
            continue
        return
    raise Unavailable("the object changes faster than it can be read")


def _handler_of(runtime: Runtime, finding: Finding) -> Callable[[Session, datetime], str] | None:
    theirs: Facts = finding.theirs or {}
    about = {"id": finding.gateway_id, "payment_intent": theirs.get("payment_intent")}
    if finding.object_type is ObjectType.BALANCE_TRANSACTION:
        about["id"] = theirs.get("source")
    kind = theirs.get("source_type", str(finding.object_type))
    if kind == "refund":
        return on_refund(runtime, about)
    if kind == "dispute":
        return on_dispute(runtime, about)
    return on_payment_intent(
        runtime, {"id": theirs.get("payment_intent"), "metadata": {"payment_id": finding.our_id or ""}}
    )
