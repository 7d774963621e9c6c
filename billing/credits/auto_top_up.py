"""Use cases: what a customer wants to happen when its credits run low, and buying them then.

Off until a customer asks for it. A purchase is made at most `max_per_day` times in 24 hours, never while one is under way, and
after one that was not paid not again for a day, or until the wish is set anew: a card that was declined is not tried at each use.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import audit
from billing.actor import WORKER, Actor
from billing.credits.low_balance import ASKED_PAUSE
from billing.credits.price import price_of
from billing.credits.purchase import Limits, PurchaseTooSmall, create_purchase
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.errors import Conflict, FieldFault, Invalid, NotFound
from billing.settings import Settings
from billing.timestamps import iso
from models.credits import AutoTopUp, CreditAccount, CreditPurchase
from models.customer import Customer
from models.ids import public_id
from models.payment import Payment, PaymentStatus

DAY = timedelta(days=1)
# Nobody is there to authenticate, or to name another card.
_NOT_PAID = frozenset(
    {
        PaymentStatus.REQUIRES_PAYMENT_METHOD,
        PaymentStatus.REQUIRES_CONFIRMATION,
        PaymentStatus.REQUIRES_ACTION,
        PaymentStatus.CANCELED,
        PaymentStatus.FAILED,
    }
)
log = structlog.get_logger(__name__)


class TopUpCannotPay(Invalid):
    """An automatic top-up is enabled without a payment method."""

    code = "auto_top_up_needs_payment_method"


class AutoTopUpNotSet(NotFound):
    """The customer has never said what shall happen when its credits run low."""

    code = "auto_top_up_not_set"


class Standing(StrEnum):
    """What came of an automatic purchase."""

    UNDER_WAY = "under_way"
    CREDITED = "credited"
    NOT_PAID = "not_paid"


class Attempt(NamedTuple):
    """An automatic purchase: when it was made, and what came of it."""

    at: datetime
    standing: Standing


class TopUpTerms(NamedTuple):
    """Below how many credits something happens, and what: `amount` credits, at most `max_per_day` times in 24 hours."""

    enabled: bool
    threshold: int
    amount: int
    payment_method: str | None
    max_per_day: int


def set_auto_top_up(
    session: Session, *, customer: Customer, terms: TopUpTerms, purchase_min: int, actor: Actor, now: datetime
) -> AutoTopUp:
    """Write down what the customer wants; a pause is over. Raises TopUpCannotPay, PurchaseTooSmall."""
    if terms.enabled and terms.payment_method is None:
        detail = "an automatic top-up takes a payment_method"
        raise TopUpCannotPay(detail, errors=[FieldFault("/payment_method", "missing", detail)])
    if terms.amount < purchase_min:
        detail = f"{terms.amount} credits are to be bought at a time; the smallest purchase is {purchase_min}"
        raise PurchaseTooSmall(detail, errors=[FieldFault("/amount", "too_small", detail)])
    row = session.scalar(select(AutoTopUp).where(AutoTopUp.customer_id == customer.id).with_for_update())
    before = None if row is None else auto_top_up_representation(row)
    if row is None:
        row = AutoTopUp(customer_id=customer.id)
        session.add(row)
    row.enabled, row.threshold, row.credits = terms.enabled, terms.threshold, terms.amount
    row.payment_method_id, row.max_per_day = terms.payment_method, terms.max_per_day
    row.paused_until, row.updated_at = None, now
    audit.record(
        session,
        actor=actor,
        action="auto_top_up.set",
        object_type="customer",
        object_id=public_id(CUSTOMER_PREFIX, customer.id),
        before=before,
        after=auto_top_up_representation(row),
        now=now,
    )
    return row


def auto_top_up_representation(row: AutoTopUp) -> dict[str, object]:
    """Return it as JSON-like data."""
    return {
        "customer_id": public_id(CUSTOMER_PREFIX, row.customer_id),
        "enabled": row.enabled,
        "threshold": row.threshold,
        "amount": row.credits,
        "payment_method": row.payment_method_id,
        "max_per_day": row.max_per_day,
        "paused_until": iso(row.paused_until),
        "updated_at": iso(row.updated_at),
    }


def top_up(session: Session, *, customer_id: UUID, settings: Settings, now: datetime) -> CreditPurchase | None:
    """Buy what the customer wants to be bought now, if anything; harmless to repeat."""
    wish = session.scalar(select(AutoTopUp).where(AutoTopUp.customer_id == customer_id).with_for_update())
    account = session.get(CreditAccount, customer_id)
    if wish is None or not wish.enabled or account is None or account.balance >= wish.threshold:
        return None
    wish.paused_until = not_before(
        _attempts(session, customer_id, now=now), max_per_day=wish.max_per_day, wished_at=wish.updated_at, now=now
    )
    if wish.paused_until is not None:
        return None
    try:
        purchase, _, _ = create_purchase(
            session,
            customer=session.get_one(Customer, customer_id, with_for_update=True),
            credits_=wish.credits,
            price=price_of(
                wish.credits,
                currency=settings.CURRENCY,
                per_dollar=settings.CREDITS_PER_DOLLAR,
                prices=settings.CREDIT_PRICES,
            ),
            payment_method=wish.payment_method_id or "",
            off_session=True,
            return_url=None,
            metadata={},
            limits=Limits(settings.MIN_CREDIT_PURCHASE, settings.MAX_CREDIT_BALANCE),
            actor=WORKER,
            now=now,
        )
    except (Invalid, Conflict) as refusal:  # the customer has too much otherwise, or a setting has changed since
        log.warning("credits.not_topped_up", code=refusal.code, detail=refusal.detail)
        wish.paused_until = now + DAY
        return None
    purchase.automatic = True
    return purchase


def not_before(attempts: Sequence[Attempt], *, max_per_day: int, wished_at: datetime, now: datetime) -> datetime | None:
    """Return until when nothing may be bought; None when something may be bought now.

    `attempts` are those of the last 24 hours, newest first. What was not paid before the wish was set says nothing about it.
    """
    if any(attempt.standing is Standing.UNDER_WAY for attempt in attempts):
        return now + ASKED_PAUSE
    if attempts and attempts[0].standing is Standing.NOT_PAID and attempts[0].at > wished_at:
        return attempts[0].at + DAY
    if len(attempts) >= max_per_day:
        return attempts[max_per_day - 1].at + DAY
    return None


def _attempts(session: Session, customer_id: UUID, *, now: datetime) -> list[Attempt]:
    query = (
        select(CreditPurchase.created_at, CreditPurchase.granted, Payment.status)
        .join(Payment, Payment.id == CreditPurchase.id)
        .where(
            CreditPurchase.customer_id == customer_id,
            CreditPurchase.automatic,
            CreditPurchase.created_at > now - DAY,
        )
        .order_by(CreditPurchase.id.desc())
    )
    return [
        Attempt(created_at, _standing(granted=granted, status=status))
        for created_at, granted, status in session.execute(query)
    ]


def _standing(*, granted: int, status: PaymentStatus) -> Standing:
    if granted:
        return Standing.CREDITED
    return Standing.NOT_PAID if status in _NOT_PAID else Standing.UNDER_WAY
