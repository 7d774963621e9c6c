"""Process: bring the credits of a purchase in line with its payment, step by step. Between any two lines the process may die.

1. The next step is committed in the purchase's row, with the id that its transaction will have.
2. The script moves the credits, once (owed.py).
3. The step is noted as done, once its transaction is in Postgres.
"""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from billing.actor import WORKER
from billing.business_time import business_now
from billing.credits.deferred_revenue import OPERATIONS
from billing.credits.grant import DEFAULT_PRIORITY, GrantTerms, grant, revoke
from billing.credits.owed import is_in_books, owed_order
from billing.credits.prefixes import PURCHASE_PREFIX
from billing.credits.purchase_representation import purchase_representation
from billing.credits.purchase_steps import PaidFor, Standing, Step, due, next_step
from billing.credits.server import CreditsUnavailable
from billing.facts import record_fact
from billing.fail_points import fail_point
from billing.ledger.money_facts import held_by, paid_out
from billing.payments.find import disputes_of, refunds_of
from billing.runtime import Runtime
from models.credits import AutoTopUp, CreditPurchase, GrantKind, PurchaseStep
from models.ids import new_id, public_id
from models.payment import Payment

# Capture, refunds and disputes make a handful; more at once is a fault of ours.
_STEPS_MAX = 20


class PendingStep(NamedTuple):
    """A committed step: the id of its transaction, and whether somebody had begun with it before."""

    id: UUID
    step: Step
    customer_id: UUID
    begun_before: bool


def follow_payment(runtime: Runtime, *, purchase_id: UUID, now: datetime) -> None:
    """Give and take back credits until they are what the payment has paid for.

    May be called at any time, by several at once. Raises CreditsUnavailable, DatabaseUnavailable: call it again.
    """
    for _ in range(_STEPS_MAX):
        pending = _begin(runtime, purchase_id)
        if pending is None:
            return
        fail_point("credits.purchase_step_committed")
        if not (pending.begun_before and _is_made(runtime, pending, now=now)):
            _make(runtime, purchase_id, pending, now=now)
            fail_point("credits.purchase_step_made")
            if not _is_made(runtime, pending, now=now):
                raise CreditsUnavailable("the credits server lost what it had answered; the step is made again")
        _note(runtime, purchase_id, pending, now=now)
    raise CreditsUnavailable("the payment changes faster than its credits can follow")


def _begin(runtime: Runtime, purchase_id: UUID) -> PendingStep | None:
    with runtime.transaction() as session:
        purchase = _lock(session, purchase_id)
        if purchase.pending_id is not None:
            return _pending(purchase, begun_before=True)
        step = next_step(
            Standing(purchase.granted, purchase.refunded, purchase.disputed),
            due(_paid_for(session, purchase_id), credits_=purchase.credits, price_minor=purchase.price_minor),
        )
        if step is None:
            return None
        purchase.pending_id, purchase.pending_step, purchase.pending_credits = new_id(), step.step, step.credits
        return _pending(purchase, begun_before=False)


def _make(runtime: Runtime, purchase_id: UUID, pending: PendingStep, *, now: datetime) -> None:
    step = pending.step
    order = owed_order(
        "purchase-step",
        pending.id,
        customer_id=pending.customer_id,
        amount=abs(step.credits),
        operation=OPERATIONS[step.step],
    )
    if step.credits < 0:
        revoke(runtime, order, grant_id=purchase_id, now=now)
        return
    is_new = step.step is PurchaseStep.PAID
    valid = timedelta(days=runtime.settings.PURCHASED_CREDITS_VALID_DAYS)
    with runtime.transaction() as session:
        begins = business_now(session, customer_id=pending.customer_id, now=now)
    terms = GrantTerms(
        id=purchase_id if is_new else pending.id,
        kind=GrantKind.PURCHASE,
        priority=DEFAULT_PRIORITY[GrantKind.PURCHASE],
        expires_at=begins + valid if valid else None,
        reference=public_id(PURCHASE_PREFIX, purchase_id),
        origin=None if is_new else purchase_id,
    )
    grant(runtime, order, terms, balance_max=None, now=now)


def _is_made(runtime: Runtime, pending: PendingStep, *, now: datetime) -> bool:
    return is_in_books(runtime, pending.id, customer_id=pending.customer_id, now=now)


def _note(runtime: Runtime, purchase_id: UUID, pending: PendingStep, *, now: datetime) -> None:
    with runtime.transaction() as session:
        purchase = _lock(session, purchase_id)
        if purchase.pending_id != pending.id:
            return  # somebody else has noted it
        before = _counts(purchase)
        if pending.step.step is PurchaseStep.PAID:
            purchase.granted += pending.step.credits
            purchase.completed_at = now
            if purchase.automatic:  # what it was asked for may be used up already
                session.execute(
                    update(AutoTopUp).where(AutoTopUp.customer_id == purchase.customer_id).values(paused_until=None)
                )
        elif pending.step.step is PurchaseStep.REFUNDED:
            purchase.refunded -= pending.step.credits
        else:
            purchase.disputed -= pending.step.credits
        purchase.pending_id = purchase.pending_step = purchase.pending_credits = None
        payment = session.get_one(Payment, purchase_id)
        record_fact(
            session,
            fact="credit_purchase.completed" if pending.step.step is PurchaseStep.PAID else "credit_purchase.adjusted",
            object_type="credit_purchase",
            state=purchase_representation(purchase, payment_status=payment.status),
            customer_id=purchase.customer_id,
            before=before,
            after=_counts(purchase),
            actor=WORKER,
            now=now,
        )
        fail_point("credits.purchase_before_commit")


def _lock(session: Session, purchase_id: UUID) -> CreditPurchase:
    query = select(CreditPurchase).where(CreditPurchase.id == purchase_id).with_for_update()
    return session.scalars(query, execution_options={"populate_existing": True}).one()


def _paid_for(session: Session, purchase_id: UUID) -> PaidFor:
    payment = session.get_one(Payment, purchase_id)
    refunds = refunds_of(session, payment_id=purchase_id)
    disputes = disputes_of(session, payment_id=purchase_id)
    return PaidFor(payment.amount_captured_minor, sum(map(paid_out, refunds)), sum(map(held_by, disputes)))


def _pending(purchase: CreditPurchase, *, begun_before: bool) -> PendingStep:
    if purchase.pending_id is None or purchase.pending_step is None or purchase.pending_credits is None:
        raise ValueError("a pending step has all of its parts")
    return PendingStep(
        purchase.pending_id, Step(purchase.pending_step, purchase.pending_credits), purchase.customer_id, begun_before
    )


def _counts(purchase: CreditPurchase) -> dict[str, object]:
    return {"granted": purchase.granted, "refunded": purchase.refunded, "disputed": purchase.disputed}
