"""Use cases around a dunning case: open it or count another failure, and end it."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.dunning.representation import case_representation
from billing.dunning.schedule import next_step
from billing.facts import record_fact
from billing.payments.declines import DeclineCategory, explain
from models.customer import Customer
from models.dunning import DunningCase, DunningStatus
from models.ids import new_id
from models.invoice import Invoice
from models.payment import AttemptKind, Payment, PaymentAttempt, PaymentStatus


def count_failure(
    session: Session,
    *,
    invoice: Invoice,
    payment: Payment,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> DunningCase | None:
    """Open the invoice's case, or count another failure of it, and say what comes next; None if it was counted before.

    A failure is that of the payment's newest attempt, once that has its end: whoever tells of it, webhook or operation, and
    however often, it is counted once. What a customer tries in the browser is no attempt of ours.
    The caller holds the invoice's lock. `at` is business time, `now` real.
    """
    case = session.scalar(select(DunningCase).where(DunningCase.invoice_id == invoice.id))
    attempt = _newest_attempt(session, payment)
    if attempt is None or attempt.finished_at is None:
        return None
    if case is not None and (case.status is not DunningStatus.OPEN or case.attempt_id == attempt.id):
        return None
    category = _category(payment)
    is_new = case is None
    if case is None:
        case = DunningCase(
            id=new_id(),
            invoice_id=invoice.id,
            customer_id=invoice.customer_id,
            subscription_id=invoice.subscription_id,
            test_clock_id=session.get_one(Customer, invoice.customer_id).test_clock_id,
            status=DunningStatus.OPEN,
            failures=0,
            due_at=invoice.due_at or at,
            opened_at=at,
        )
        session.add(case)
    case.failures += 1
    case.attempt_id = attempt.id
    case.decline_code, case.category = payment.decline_code, str(category)
    following = next_step(due_at=case.due_at, failures=case.failures, category=category)
    case.next_step, case.next_step_at, case.reason = following.step, max(following.at, at), following.reason
    _record(session, case, fact="dunning.opened" if is_new else "dunning.failed_again", actor=actor, now=now)
    return case


def end_case(
    session: Session,
    case: DunningCase,
    *,
    status: DunningStatus,
    reason: str,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> None:
    """End an open case: nothing comes next."""
    case.status, case.ended_at, case.reason = status, at, reason
    case.next_step = case.next_step_at = None
    _record(session, case, fact=f"dunning.{status}", actor=actor, now=now)


def open_case_of(session: Session, *, invoice: Invoice) -> DunningCase | None:
    """Return the invoice's case, if it is open."""
    query = select(DunningCase).where(DunningCase.invoice_id == invoice.id, DunningCase.status == DunningStatus.OPEN)
    return session.scalar(query)


def _newest_attempt(session: Session, payment: Payment) -> PaymentAttempt | None:
    query = select(PaymentAttempt).where(
        PaymentAttempt.payment_id == payment.id, PaymentAttempt.kind.in_((AttemptKind.CREATE, AttemptKind.CONFIRM))
    )
    return session.scalar(query.order_by(PaymentAttempt.started_at.desc(), PaymentAttempt.id.desc()).limit(1))


def _category(payment: Payment) -> DeclineCategory:
    if payment.status is PaymentStatus.REQUIRES_ACTION:
        return DeclineCategory.ACTION_REQUIRED
    if payment.decline_code is None:
        return DeclineCategory.HARD  # there is no card, or the gateway refused the request itself
    return explain(payment.decline_code).category


def _record(session: Session, case: DunningCase, *, fact: str, actor: Actor, now: datetime) -> None:
    session.flush()
    state = case_representation(case)
    record_fact(
        session,
        fact=fact,
        object_type="dunning_case",
        state=state,
        customer_id=case.customer_id,
        before=None,
        after={"status": state["status"], "next_step": state["next_step"], "reason": case.reason},
        actor=actor,
        now=now,
    )
