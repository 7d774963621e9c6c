"""Rule and use case: what was used of metered prices, owed when its period has ended.

Each item is billed from where it was billed last until its period's end, or its own. Events that come later, within
USAGE_LATE_HOURS, count in their own period: what they add to its amount is a line of the next invoice.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.catalog.pricing import charge
from billing.decimals import plain
from billing.invoicing.draft import Line
from billing.subscriptions.cycle import Period
from billing.subscriptions.items import priced
from billing.subscriptions.lines import PricedItem
from billing.usage.between import usage_between
from models.ids import new_id
from models.invoice import LineKind
from models.money import round_half_away_from_zero
from models.plan import Plan, PlanVersion
from models.price import Price
from models.subscription import Subscription, SubscriptionItem, UsageBilling
from models.usage import Meter


class Arrears(NamedTuple):
    """What a subscription owes for usage, and the rows that say until when it was billed."""

    lines: list[Line]
    billings: list[UsageBilling]


class _Metered(NamedTuple):
    """An item whose price is for what a meter counts."""

    subscription: Subscription
    item: PricedItem
    meter: Meter

    def used(self, session: Session, period: Period) -> Decimal:
        """Return what the customer has used in a time."""
        customer_id = self.subscription.customer_id
        return usage_between(
            session, customer_id=customer_id, meter_id=self.meter.id, start=period.start, end=period.end
        )

    def line(self, period: Period, *, used: Decimal, formula: str, amount: int, late: bool = False) -> Line:
        """Return a line for what was used. Lines count whole units; what is not whole is in its description and formula."""
        return Line(
            kind=LineKind.USAGE,
            description=f"{self.item.name}, {plain(used)} {self.meter.name}{', reported late' if late else ''}",
            quantity=int(used) if used == used.to_integral_value() else 1,
            period=period,
            price_id=self.item.price_id,
            item_id=self.item.item_id,
            amount_minor=amount,
            formula=formula,
        )


def arrears_of_each(
    session: Session, subscriptions: Collection[Subscription], *, until: datetime | None, late: timedelta, at: datetime
) -> dict[UUID, Arrears]:
    """Return what each subscription owes for usage up to `until`, None: to its period's end, which is over at `at`.

    Of most there is nothing: one query for all of them says so. The caller holds the subscriptions' locks, and bills it.
    """
    by_id = {each.id: each for each in subscriptions}
    found = {subscription_id: Arrears([], []) for subscription_id in by_id}
    query = (
        select(SubscriptionItem, Price, Plan, Meter)
        .join(Price, Price.id == SubscriptionItem.price_id)
        .join(PlanVersion, PlanVersion.id == Price.version_id)
        .join(Plan, Plan.id == PlanVersion.plan_id)
        .join(Meter, Meter.code == Price.meter)
        .where(SubscriptionItem.subscription_id.in_(by_id), SubscriptionItem.started_at.is_not(None))
        .order_by(SubscriptionItem.id)
    )
    for item, price, plan, meter in session.execute(query):
        subscription = by_id[item.subscription_id]
        metered = _Metered(subscription, priced(item.id, price, quantity=item.quantity, plan=plan), meter)
        billed = _billings(session, item)
        lines = [_late(session, metered, row, late=late, at=at) for row in billed if row.closed_at is None]
        period = _unbilled(subscription, item, billed, end=until or subscription.current_period_end)
        if period.start < period.end:
            line, row = _bill(session, metered, period)
            row.closed_at = at if period.end + late <= at else None
            lines.append(line)
            found[subscription.id].billings.append(row)
        found[subscription.id].lines.extend(line for line in lines if line)
    return found


def note_billed(session: Session, arrears: Mapping[UUID, Arrears], invoice_of: Mapping[UUID, UUID]) -> None:
    """Note until when each subscription's usage was billed, and by which invoice, where it came to anything."""
    for subscription_id, owed in arrears.items():
        for row in owed.billings:
            row.invoice_id = invoice_of.get(subscription_id)
        session.add_all(owed.billings)


def _billings(session: Session, item: SubscriptionItem) -> list[UsageBilling]:
    query = (
        select(UsageBilling)
        .where(UsageBilling.subscription_item_id == item.id)
        .order_by(UsageBilling.period_end.desc())
        .limit(_BILLINGS_MAX)
    )
    return list(reversed(session.scalars(query).all()))


# Late events reach a year back at most, of which no interval makes more parts.
_BILLINGS_MAX = 60


def _unbilled(
    subscription: Subscription, item: SubscriptionItem, billed: list[UsageBilling], *, end: datetime
) -> Period:
    starts = [item.started_at, subscription.trial_end, *(row.period_end for row in billed)]
    start = max(moment for moment in starts if moment is not None)
    return Period(start, min(end, item.ended_at or end))


def _bill(session: Session, metered: _Metered, period: Period) -> tuple[Line | None, UsageBilling]:
    used = metered.used(session, period)
    cost = charge(metered.item.terms, used)
    amount = round_half_away_from_zero(cost.amount)
    row = UsageBilling(
        id=new_id(),
        subscription_item_id=metered.item.item_id,
        period_start=period.start,
        period_end=period.end,
        quantity=used,
        amount_minor=amount,
        currency=metered.subscription.currency,
    )
    return metered.line(period, used=used, formula=cost.formula, amount=amount) if used else None, row


def _late(session: Session, metered: _Metered, row: UsageBilling, *, late: timedelta, at: datetime) -> Line | None:
    """Bill what events that came late add to a period that was billed; close it when none can come any more."""
    if row.period_end + late <= at:
        row.closed_at = at
    period = Period(row.period_start, row.period_end)
    used = metered.used(session, period)
    added = used - row.quantity
    if not added:
        return None
    cost, before = charge(metered.item.terms, used), charge(metered.item.terms, row.quantity)
    amount = round_half_away_from_zero(cost.amount)
    formula = f"({cost.formula}) - ({before.formula})"
    line = metered.line(period, used=added, formula=formula, amount=amount - row.amount_minor, late=True)
    row.quantity, row.amount_minor = used, amount
    return line
