"""Rule: what a change of a subscription would come to. Nothing is written: a preview shows it, and the change is made from it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing.errors import Conflict, FieldFault, Invalid
from billing.invoicing.draft import Computed, Draft, Line, compute
from billing.invoicing.issue import compute_each
from billing.subscriptions.billed import billed_in
from billing.subscriptions.change_rule import Difference, Effective, Proration, difference, given_back, when_it_comes
from billing.subscriptions.coupon import HeldCoupon, coupons_of_each, discounted
from billing.subscriptions.create import require_no_other
from billing.subscriptions.cycle import Cycle, Period, cycle_from, whole_seconds
from billing.subscriptions.items import items_of_each
from billing.subscriptions.lines import PricedItem, rest_lines
from billing.subscriptions.offer import Offer, offer
from billing.subscriptions.pending_lines import pending_lines_of_each
from billing.subscriptions.period_draft import cycle_of, draft_of, period_lines, period_of
from billing.subscriptions.policy import policy_of
from billing.subscriptions.proration import share_left
from billing.tax.rule import TaxRule
from billing.timestamps import iso
from models.coupon import CouponDuration
from models.invoice import BillingReason
from models.plan import Plan
from models.price import PriceInterval
from models.subscription import Subscription, SubscriptionItem, SubscriptionStatus

_S = SubscriptionStatus


class SubscriptionNotChangeable(Conflict):
    """The subscription stands where it cannot be changed, or not at this time."""

    code = "subscription_not_changeable"


class ProrationDateOutside(Invalid):
    """The date is not in the present period, or before what is to be prorated has begun."""

    code = "proration_date_outside"


class Wanted(NamedTuple):
    """What is to be another. None: as it is; for `effective` as the rule says (billing/subscriptions/change_rule.py).

    `addons` says how many of each there are to be, all others end. `anchor_day` restarts the period, with a part up to that day.
    """

    plan: str | None = None
    interval: PriceInterval | None = None
    quantity: int | None = None
    addons: Mapping[str, int] | None = None
    anchor_day: int | None = None
    effective: Effective | None = None
    proration: Proration = Proration.INVOICE_NOW
    proration_date: datetime | None = None


class Quote(NamedTuple):
    """What a change comes to.

    `at` is the moment that it is computed for. `cycle` and `period` are those after it. `computed` has the lines of a change
    that comes now, of which there may be none; where it `waits`, they are for the next invoice. `following` is that one, None
    where none is to come.
    """

    offered: Offer
    change: Difference
    effective: Effective
    at: datetime
    restarts: bool
    moves_anchor: bool
    anchor_day: int | None
    cycle: Cycle
    period: Period
    computed: Computed
    waits: bool
    following: Computed | None

    @property
    def changes_nothing(self) -> bool:
        """Whether everything is as it was asked for."""
        return not (self.change.ended or self.change.begun or self.moves_anchor)

    @property
    def effective_at(self) -> datetime:
        """When the change comes."""
        return self.at if self.effective is Effective.NOW else self.period.end


def quote(
    session: Session,
    subscription: Subscription,
    wanted: Wanted,
    *,
    tax: TaxRule,
    at: datetime,
    as_of: datetime | None = None,
) -> Quote:
    """Return what a change comes to that is asked for at `at`, business time in whole seconds.

    It is computed for the proration date, where one is wanted, else for `as_of`, the moment of a preview, else for `at`.

    Raises SubscriptionNotChangeable, ProrationDateOutside, AlreadySubscribed, PlanNotFound, PlanNotOffered, PriceNotFound.
    """
    _require_running(subscription, at=at)
    present = items_of_each(session, subscription_ids=[subscription.id])[subscription.id]
    offered = _offered(session, subscription, present, wanted)
    change = difference(present, offered.items)
    another_interval = offered.interval is not subscription.interval
    effective = wanted.effective or when_it_comes(present=subscription.interval, wanted=offered.interval, change=change)
    trialing = subscription.status is _S.TRIALING
    if trialing:
        effective = Effective.NOW
    _require_possible(subscription, effective)
    date = at
    if effective is Effective.NOW:
        date = _date(session, subscription, wanted.proration_date or as_of or at, at=at)
    restarts = effective is Effective.NOW and not trialing and (another_interval or wanted.anchor_day is not None)
    cycle = _cycle_after(subscription, offered.interval, wanted, effective=effective, at=date)
    period = Period(date, cycle.period_at(date).end) if restarts else period_of(subscription)
    lines: list[Line] = []
    if effective is Effective.NOW and not trialing:
        lines = _lines(
            session, subscription, change, wanted.proration, restarts=restarts, cycle=cycle, period=period, at=date
        )
    waits = wanted.proration is Proration.CREATE and not restarts
    reason = BillingReason.SUBSCRIPTION_UPDATE
    coupon = coupons_of_each(session, subscription_ids=[subscription.id]).get(subscription.id)
    lines = discounted(coupon, lines, reason=reason, on=date)
    draft = draft_of(subscription, lines, period=period, reason=reason, at=at)
    following = _following(
        session,
        subscription,
        change.after,
        waiting=lines if waits else (),
        coupon=_left_of(coupon, draft),
        cycle=cycle,
        start=period.end,
    )
    drafts = [*([] if waits else [draft]), *([following] if following else [])]
    computed = compute_each(session, drafts, tax=tax)
    return Quote(
        offered=offered,
        change=change,
        effective=effective,
        at=date,
        restarts=restarts,
        anchor_day=wanted.anchor_day,
        moves_anchor=cycle != cycle_of(subscription),
        cycle=cycle,
        period=period,
        computed=compute(draft, tax=tax, balance_minor=0) if waits else computed[0],
        waits=waits,
        following=computed[-1] if following else None,
    )


def _offered(session: Session, subscription: Subscription, present: Sequence[PricedItem], wanted: Wanted) -> Offer:
    plan = session.get_one(Plan, subscription.plan_id)
    of_plan = [item for item in present if item.plan == plan.code]
    addons = {item.plan: item.quantity for item in present if item.plan != plan.code}
    offered = offer(
        session,
        customer_id=subscription.customer_id,
        plan=wanted.plan or plan.code,
        interval=wanted.interval or subscription.interval,
        currency=subscription.currency,
        quantity=wanted.quantity or of_plan[0].quantity,
        addons=addons if wanted.addons is None else wanted.addons,
        held=present,
    )
    if offered.plan.id != subscription.plan_id:
        require_no_other(session, customer_id=subscription.customer_id, plan=offered.plan)
    return offered


def _lines(
    session: Session,
    subscription: Subscription,
    change: Difference,
    proration: Proration,
    *,
    restarts: bool,
    cycle: Cycle,
    period: Period,
    at: datetime,
) -> list[Line]:
    """Return the lines of a change that comes now. A period that begins is charged, also where nothing is given back."""
    policy = policy_of(subscription)
    present = period_of(subscription)
    left = share_left(cycle_of(subscription).period_at(present.start), at=at, policy=policy)
    rest = Period(at, present.end)
    lines: list[Line] = []
    if proration is not Proration.NONE:
        item_ids = [item.item_id for item in change.ended + change.kept]
        billed = billed_in(session, item_ids=item_ids, period=present)
        lines += given_back(change, billed=billed, rest=rest, left=left, restarts=restarts)
    if restarts:
        lines += period_lines(change.after, period=period, cycle=cycle, policy=policy)
    elif proration is not Proration.NONE:
        lines += rest_lines(change.begun, rest=rest, left=left)
    return lines


def _following(
    session: Session,
    subscription: Subscription,
    items: Sequence[PricedItem],
    *,
    waiting: Sequence[Line],
    coupon: HeldCoupon | None,
    cycle: Cycle,
    start: datetime,
) -> Draft | None:
    """Return the invoice of the next period, with what waits for it."""
    lines = [*pending_lines_of_each(session, subscription_ids=[subscription.id])[subscription.id], *waiting]
    period = cycle.period_at(start)
    if subscription.auto_renew and not subscription.cancel_at_period_end:
        of_period = period_lines(items, period=period, cycle=cycle, policy=policy_of(subscription))
        lines += discounted(coupon, of_period, reason=BillingReason.SUBSCRIPTION_CYCLE, on=period.start)
    if not lines:
        return None
    return draft_of(subscription, lines, period=period, reason=BillingReason.SUBSCRIPTION_CYCLE, at=start)


def _left_of(coupon: HeldCoupon | None, draft: Draft) -> HeldCoupon | None:
    """Return the coupon as it is when an invoice has been made of the draft."""
    took = any(line.discount_minor for line in draft.lines)
    once = coupon is not None and coupon.duration is CouponDuration.ONCE
    return None if once and took else coupon


def _cycle_after(
    subscription: Subscription, interval: PriceInterval, wanted: Wanted, *, effective: Effective, at: datetime
) -> Cycle:
    """Return the periods after the change; another interval, or another day, restarts them."""
    day = wanted.anchor_day
    if interval is subscription.interval and day is None:
        return cycle_of(subscription)
    if subscription.status is _S.TRIALING or effective is Effective.PERIOD_END:
        return cycle_from(subscription.current_period_end, interval=interval, day=day)
    return cycle_from(at, interval=interval, day=day)


def _date(session: Session, subscription: Subscription, wanted: datetime, *, at: datetime) -> datetime:
    date = whole_seconds(wanted)
    last_change = session.scalar(
        select(func.max(SubscriptionItem.started_at)).where(
            SubscriptionItem.subscription_id == subscription.id, SubscriptionItem.ended_at.is_(None)
        )
    )
    earliest = max(filter(None, (subscription.current_period_start, last_change)))
    if not earliest <= date <= at:
        detail = f"proration_date takes a moment from {iso(earliest)}, the last change, to now, got {iso(date)}"
        raise ProrationDateOutside(detail, errors=[FieldFault("/proration_date", "outside", detail)])
    return date


def _require_running(subscription: Subscription, *, at: datetime) -> None:
    hint = {
        _S.INCOMPLETE: "pay its first invoice, or cancel it and subscribe anew",
        _S.PAUSED: "resume it first",
        _S.CANCELED: "subscribe anew",
        _S.EXPIRED: "subscribe anew",
    }.get(subscription.status)
    if hint is not None:
        raise SubscriptionNotChangeable(f"a subscription that is {subscription.status} cannot be changed: {hint}")
    if at >= subscription.current_period_end:
        raise SubscriptionNotChangeable(
            "its period has just ended, and the next one is being billed: try again in a moment"
        )


def _require_possible(subscription: Subscription, effective: Effective) -> None:
    if effective is Effective.PERIOD_END and (subscription.cancel_at_period_end or not subscription.auto_renew):
        raise SubscriptionNotChangeable("it ends with its period, and would never change: resume it first")
    if effective is Effective.NOW and subscription.status is _S.PAST_DUE:
        raise SubscriptionNotChangeable(
            "an invoice of it is overdue, so nothing can be given back for it: pay that one, or change at period_end"
        )
