"""Reading how much a customer has used of a meter in a time that need not begin or end with a day."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.usage import UsageEvent, UsageTotal

_DAY = timedelta(days=1)


def usage_between(session: Session, *, customer_id: UUID, meter_id: UUID, start: datetime, end: datetime) -> Decimal:
    """Return the quantity of the events whose own time is in `[start, end)`.

    Whole days are read from what each adds up to, so that a month costs as much as a day to read; events only at its edges.
    """
    first, last = _day_from(start), end.astimezone(UTC).date()
    if first >= last:
        return _of_events(session, customer_id, meter_id, start, end)
    whole = session.scalars(
        select(func.coalesce(func.sum(UsageTotal.quantity), 0)).where(
            UsageTotal.customer_id == customer_id,
            UsageTotal.meter_id == meter_id,
            UsageTotal.day >= first,
            UsageTotal.day < last,
        )
    ).one()
    return (
        _of_events(session, customer_id, meter_id, start, _midnight(first))
        + Decimal(whole)
        + _of_events(session, customer_id, meter_id, _midnight(last), end)
    )


def _of_events(session: Session, customer_id: UUID, meter_id: UUID, start: datetime, end: datetime) -> Decimal:
    if start >= end:
        return Decimal(0)
    query = select(func.coalesce(func.sum(UsageEvent.quantity), 0)).where(
        UsageEvent.customer_id == customer_id,
        UsageEvent.meter_id == meter_id,
        UsageEvent.occurred_at >= start,
        UsageEvent.occurred_at < end,
    )
    return Decimal(session.scalars(query).one())


def _day_from(start: datetime) -> date:
    """Return the first day that begins at `start` or later."""
    day = start.astimezone(UTC).date()
    return day if _midnight(day) == start else day + _DAY


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
