"""Reading usage: events, and what they add up to."""

from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from billing.usage.meters import meters_by_id
from billing.usage.representation import event_representation
from models.usage import Meter, UsageCharge, UsageEvent, UsageTotal

METERED_ROWS_MAX = 1_000


class Metered(NamedTuple):
    """How much a meter counted on a day, or on all days together, and in how many events."""

    meter: str
    day: date | None
    quantity: Decimal
    events: int


def metered(
    session: Session,
    *,
    customer_id: UUID | None,
    meter_id: UUID | None,
    since: date | None,
    until: date | None,
    by_day: bool,
) -> Sequence[Metered]:
    """Return what meters counted on the days in [since, until): by day, newest first, and by meter."""
    groups = (UsageTotal.day, Meter.code) if by_day else (Meter.code,)
    query = (
        select(*groups, func.sum(UsageTotal.quantity), func.sum(UsageTotal.count))
        .join(Meter, Meter.id == UsageTotal.meter_id)
        .group_by(*groups)
        .order_by(*(group.desc() if group is UsageTotal.day else group for group in groups))
    )
    if customer_id is not None:
        query = query.where(UsageTotal.customer_id == customer_id)
    if meter_id is not None:
        query = query.where(UsageTotal.meter_id == meter_id)
    if since is not None:
        query = query.where(UsageTotal.day >= since)
    if until is not None:
        query = query.where(UsageTotal.day < until)
    return [
        Metered(code, day[0] if day else None, quantity, int(events))
        for *day, code, quantity, events in session.execute(query.limit(METERED_ROWS_MAX))
    ]


def usage_events(*, customer_id: UUID | None, event_id: str | None) -> Select[UsageEvent]:
    """Return the query for events, of one customer or of all, in no order; `event_id` is what their senders call them."""
    query = select(UsageEvent)
    if customer_id is not None:
        query = query.where(UsageEvent.customer_id == customer_id)
    if event_id is not None:
        query = query.where(UsageEvent.event_id == event_id)
    return query


def represented(session: Session, events: Collection[UsageEvent]) -> list[dict[str, object]]:
    """Return events as callers see them, in the order given; two queries, however many there are."""
    meters = meters_by_id(session, {event.meter_id for event in events})
    query = select(UsageCharge).where(UsageCharge.id.in_([event.id for event in events]))
    charges = {charge.id: charge for charge in session.scalars(query)}
    return [event_representation(event, meter=meters[event.meter_id], charge=charges.get(event.id)) for event in events]
