"""Process: do what is due of subscriptions, the earliest first.

A batch is one transaction: customers are locked, then their subscriptions, both skipping what somebody else holds, and what is
due is looked at again under the locks. If one of a batch cannot be done, each goes alone; one that fails alone is parked, with
an error that somebody sees, and the others go on.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from billing.actor import WORKER
from billing.errors import Unavailable
from billing.fail_points import fail_point
from billing.metrics import WORK
from billing.runtime import Runtime
from billing.settings import Settings
from billing.subscriptions.allowance import owe_month
from billing.subscriptions.apply_change import withdraw
from billing.subscriptions.cancel import end_pause, void_first_invoice
from billing.subscriptions.end_period import end_periods
from billing.subscriptions.move import move, record
from billing.subscriptions.next_action import Action, next_action
from billing.subscriptions.prefixes import SUBSCRIPTION_PREFIX
from models.customer import Customer
from models.ids import public_id
from models.plan import PlanVersion
from models.subscription import Subscription, SubscriptionStatus

BATCH = 200
log = structlog.get_logger(__name__)


def run_due(runtime: Runtime, *, at: datetime, now: datetime, clock_id: UUID | None = None, limit: int = BATCH) -> int:
    """Do the next action of up to `limit` subscriptions that are due at `at`; return how many it was, 0 when none is due.

    `at` is business time: the real one, or that of the test clock whose customers' subscriptions are meant. One that is due for
    several actions comes again with the next call. Raises DatabaseUnavailable.
    """
    with runtime.transaction() as session:
        due = select(Subscription.id).where(_scanned(clock_id), Subscription.next_action_at <= at)
        wanted = list(session.scalars(due.order_by(Subscription.next_action_at).limit(limit)))
    if not wanted:
        return 0
    try:
        return _together(runtime, wanted, at=at, now=now)
    except Unavailable:
        raise
    except Exception:
        if len(wanted) > 1:
            log.exception("subscriptions.batch_failed", subscriptions=len(wanted))
    return sum(_alone(runtime, subscription_id, at=at, now=now) for subscription_id in wanted)


def next_due(session: Session, *, clock_id: UUID) -> datetime | None:
    """Return when the first subscription of a test clock's customers is due."""
    return session.scalar(select(func.min(Subscription.next_action_at)).where(_scanned(clock_id)))


def _scanned(clock_id: UUID | None) -> ColumnElement[bool]:
    on_clock = Subscription.test_clock_id.is_(None) if clock_id is None else Subscription.test_clock_id == clock_id
    return and_(on_clock, Subscription.next_action_at.is_not(None), Subscription.parked_at.is_(None))


def _together(runtime: Runtime, wanted: Sequence[UUID], *, at: datetime, now: datetime) -> int:
    with runtime.transaction() as session:
        subscriptions, customers = _lock(session, wanted, at=at)
        by_action: dict[Action, list[Subscription]] = defaultdict(list)
        for each in subscriptions:
            due = next_action(each)
            if due is not None and due.at <= at:
                by_action[due.action].append(each)
        for action, held in by_action.items():
            if action is Action.END_PERIOD:
                end_periods(session, held, customers=customers, settings=runtime.settings, at=at, now=now)
            else:
                for each in held:
                    _ALONE[action](session, each, runtime.settings, at, now)
        fail_point("subscriptions.before_commit")
    fail_point("subscriptions.after_commit")
    WORK.labels(table="subscriptions", kind="due", outcome="done").inc(len(subscriptions))
    return len(subscriptions)


def _lock(session: Session, wanted: Sequence[UUID], *, at: datetime) -> tuple[list[Subscription], dict[UUID, Customer]]:
    owners = select(Subscription.customer_id).where(Subscription.id.in_(wanted))
    locked = session.scalars(
        select(Customer).where(Customer.id.in_(owners)).order_by(Customer.id).with_for_update(skip_locked=True),
        execution_options={"populate_existing": True},
    )
    customers = {customer.id: customer for customer in locked}
    query = (
        select(Subscription)
        .where(
            Subscription.id.in_(wanted),
            Subscription.customer_id.in_(customers),
            Subscription.next_action_at <= at,
            Subscription.parked_at.is_(None),
        )
        .order_by(Subscription.id)
        .with_for_update(skip_locked=True)
    )
    return list(session.scalars(query, execution_options={"populate_existing": True})), customers


def _alone(runtime: Runtime, subscription_id: UUID, *, at: datetime, now: datetime) -> int:
    """Do what is due of one subscription; park it where that fails."""
    try:
        return _together(runtime, [subscription_id], at=at, now=now)
    except Unavailable:
        raise
    except Exception as error:
        log.exception("subscriptions.parked", subscription_id=public_id(SUBSCRIPTION_PREFIX, subscription_id))
        with runtime.transaction() as session:
            held = session.get_one(Subscription, subscription_id, with_for_update=True)
            held.parked_at, held.parked_reason = at, f"{type(error).__name__}: {error}"[:500]
        WORK.labels(table="subscriptions", kind="due", outcome="parked").inc()
        return 1


def _expire(session: Session, subscription: Subscription, _settings: Settings, at: datetime, now: datetime) -> None:
    customer = session.get_one(Customer, subscription.customer_id)
    void_first_invoice(session, customer=customer, subscription=subscription, actor=WORKER, at=at, now=now)
    move(
        session, subscription, to=SubscriptionStatus.EXPIRED, fact="subscription.expired", actor=WORKER, at=at, now=now
    )


def _expire_change(
    session: Session, subscription: Subscription, _settings: Settings, at: datetime, now: datetime
) -> None:
    customer = session.get_one(Customer, subscription.customer_id)
    reason = "it was not paid in time"
    withdraw(session, customer=customer, subscription=subscription, reason=reason, actor=WORKER, at=at, now=now)


def _remind(session: Session, subscription: Subscription, _settings: Settings, at: datetime, now: datetime) -> None:
    subscription.trial_reminded_at = at
    record(
        session,
        subscription,
        fact="subscription.trial_ending",
        before={"reminded": False},
        after={"reminded": True},
        actor=WORKER,
        at=at,
        now=now,
    )


def _resume(session: Session, subscription: Subscription, settings: Settings, at: datetime, now: datetime) -> None:
    customer = session.get_one(Customer, subscription.customer_id)
    end_pause(session, customer, subscription, settings=settings, actor=WORKER, at=at, now=now)


def _grant_credits(
    session: Session, subscription: Subscription, _settings: Settings, at: datetime, now: datetime
) -> None:
    version = session.get_one(PlanVersion, subscription.plan_version_id)
    owe_month(session, subscription, version, at=subscription.credited_until or at, now=now)
    due = next_action(subscription)
    subscription.next_action_at = due.at if due else None


_ALONE: dict[Action, Callable[[Session, Subscription, Settings, datetime, datetime], None]] = {
    Action.EXPIRE: _expire,
    Action.EXPIRE_CHANGE: _expire_change,
    Action.REMIND_OF_TRIAL_END: _remind,
    Action.RESUME: _resume,
    Action.GRANT_CREDITS: _grant_credits,
}
