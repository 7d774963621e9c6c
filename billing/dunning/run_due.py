"""Process: take the next step of dunning cases that are due: charge again, or do what is done in the end.

Each case is a transaction of its own, under the locks of customer, subscription and invoice. What fails alone stays due, with an
error that somebody sees, and the others go on.
"""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from billing.actor import WORKER
from billing.dunning.case import end_case
from billing.dunning.schedule import RETRY_DAYS
from billing.errors import Conflict, Unavailable
from billing.invoicing.collect import default_payment_method
from billing.invoicing.find import lock_invoice
from billing.invoicing.pay import PaymentBeingGivenUp, pay
from billing.invoicing.write_off import write_off
from billing.runtime import Runtime
from billing.subscriptions.cancel import cancel, pause
from billing.subscriptions.find import lock_subscription
from billing.subscriptions.move import move
from models.customer import Customer
from models.dunning import DunningCase, DunningFinalAction, DunningStatus, DunningStep
from models.invoice import InvoiceStatus
from models.subscription import PauseBehavior, Subscription, SubscriptionStatus

BATCH = 200
# A cancellation takes as long as a call to the gateway.
_A_MOMENT = timedelta(minutes=1)
FINAL_AFTER = timedelta(days=RETRY_DAYS[-1])
log = structlog.get_logger(__name__)


def run_due(runtime: Runtime, *, at: datetime, now: datetime, clock_id: UUID | None = None, limit: int = BATCH) -> int:
    """Take the next step of up to `limit` cases that are due at `at`; return how many it was, 0 when none is due.

    `at` is business time: the real one, or that of the test clock whose customers' cases are meant. Raises DatabaseUnavailable.
    """
    with runtime.transaction() as session:
        query = select(DunningCase.id).where(_scanned(clock_id), DunningCase.next_step_at <= at)
        wanted = list(session.scalars(query.order_by(DunningCase.next_step_at).limit(limit)))
    done = 0
    for case_id in wanted:
        try:
            done += _take_step(runtime, case_id, at=at, now=now)
        except Unavailable:
            raise
        except Exception:
            log.exception("dunning.step_failed", case=str(case_id))
    return done


def next_due(session: Session, *, clock_id: UUID) -> datetime | None:
    """Return when the first case of a test clock's customers is due."""
    return session.scalar(select(func.min(DunningCase.next_step_at)).where(_scanned(clock_id)))


def _scanned(clock_id: UUID | None) -> ColumnElement[bool]:
    on_clock = DunningCase.test_clock_id.is_(None) if clock_id is None else DunningCase.test_clock_id == clock_id
    return and_(on_clock, DunningCase.next_step_at.is_not(None))


def _take_step(runtime: Runtime, case_id: UUID, *, at: datetime, now: datetime) -> int:
    with runtime.transaction() as session:
        case = session.get_one(DunningCase, case_id)
        customer = session.scalar(
            select(Customer).where(Customer.id == case.customer_id).with_for_update(skip_locked=True)
        )
        if customer is None:
            return 0  # somebody works for this customer; the case stays due
        subscription = (
            lock_subscription(session, subscription_id=case.subscription_id) if case.subscription_id else None
        )
        invoice = lock_invoice(session, invoice_id=case.invoice_id)
        session.refresh(case, with_for_update=True)
        if case.next_step_at is None or case.next_step_at > at:
            return 0
        if invoice.status is not InvoiceStatus.OPEN:
            end_case(
                session,
                case,
                status=DunningStatus.CLOSED,
                reason=f"the invoice is {invoice.status}",
                actor=WORKER,
                at=at,
                now=now,
            )
        elif case.next_step is DunningStep.RETRY:
            _retry(session, case, customer, subscription, at=at, now=now)
        else:
            _give_up(
                session, case, customer, subscription, action=runtime.settings.DUNNING_FINAL_ACTION, at=at, now=now
            )
    return 1


def _retry(
    session: Session,
    case: DunningCase,
    customer: Customer,
    subscription: Subscription | None,
    *,
    at: datetime,
    now: datetime,
) -> None:
    """Charge again. What comes of it is counted when it is known; until then nothing comes next."""
    invoice = lock_invoice(session, invoice_id=case.invoice_id)
    method = subscription.payment_method_id if subscription else None
    case.next_step = case.next_step_at = None
    case.reason = f"attempt {case.failures + 1} is under way"
    try:
        pay(
            session,
            customer=customer,
            invoice=invoice,
            payment_method=method or default_payment_method(session, customer=customer),
            off_session=True,
            actor=WORKER,
            now=now,
        )
    except PaymentBeingGivenUp as error:
        case.reason = error.detail
        case.next_step, case.next_step_at = DunningStep.RETRY, at + _A_MOMENT
    except Conflict as error:
        # Somebody pays it at this moment, or there is no card: what comes of that is heard of by itself.
        case.reason = error.detail
        case.next_step, case.next_step_at = DunningStep.FINAL_ACTION, max(case.due_at + FINAL_AFTER, at)


def _give_up(
    session: Session,
    case: DunningCase,
    customer: Customer,
    subscription: Subscription | None,
    *,
    action: DunningFinalAction,
    at: datetime,
    now: datetime,
) -> None:
    end_case(session, case, status=DunningStatus.EXHAUSTED, reason=case.reason, actor=WORKER, at=at, now=now)
    write_off(session, invoice=lock_invoice(session, invoice_id=case.invoice_id), actor=WORKER, at=at, now=now)
    if subscription is None or subscription.status is not SubscriptionStatus.PAST_DUE:
        return
    if action is DunningFinalAction.PAUSE:
        pause(session, subscription=subscription, until=None, behavior=PauseBehavior.VOID, actor=WORKER, at=at, now=now)
    elif action is DunningFinalAction.CANCEL:
        cancel(
            session,
            customer=customer,
            subscription=subscription,
            at_once=True,
            reason=f"not paid: {case.reason}",
            actor=WORKER,
            at=at,
            now=now,
        )
    else:
        move(
            session,
            subscription,
            to=SubscriptionStatus.ACTIVE,
            fact="subscription.changed",
            actor=WORKER,
            at=at,
            now=now,
        )
    subscription.past_due_since = None
