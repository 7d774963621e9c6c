"""Use case: count new events, in one transaction: the events, the totals of their days, and what is to be charged for them.

An event that is there already is left out of all three. The rows of events are written in the order of their keys and those of
days in theirs, events before days, so that two who report the same events wait for each other one way round only. What an event
costs follows from its day's total, whose row is locked from then on until the commit.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from billing.bulk import insert_new_rows, insert_rows
from billing.hints import Hint
from billing.unit_of_work import hint_after_commit
from billing.usage.rate import CreditRate, rate_of
from models.usage import Meter, UsageCharge, UsageEvent

_ADD_TO_TOTALS = text(
    """
    INSERT INTO usage_totals (customer_id, meter_id, day, quantity, count)
    SELECT customer_id, meter_id, (occurred_at AT TIME ZONE 'UTC')::date, sum(quantity), count(*)
    FROM usage_events WHERE id = ANY(CAST(:ids AS uuid[])) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (customer_id, meter_id, day) DO UPDATE
    SET quantity = usage_totals.quantity + excluded.quantity, count = usage_totals.count + excluded.count
    RETURNING customer_id, meter_id, day, quantity
    """
)


class NewEvent(NamedTuple):
    """An event that is to count: a row of UsageEvent."""

    id: UUID
    customer_id: UUID
    meter_id: UUID
    source: str
    event_id: str
    occurred_at: datetime
    quantity: Decimal
    project: str
    actor: str
    received_at: datetime

    @property
    def day(self) -> "_Day":
        """Whose total the event adds to."""
        return _Day(self.customer_id, self.meter_id, self.occurred_at.astimezone(UTC).date())


class _Day(NamedTuple):
    customer_id: UUID
    meter_id: UUID
    day: date


def count_events(session: Session, events: Sequence[NewEvent], *, meters: Iterable[Meter]) -> set[UUID]:
    """Count those of the events whose source and id are new, and return their ids; `meters` are theirs."""
    if not events:
        return set()
    rows = [event._asdict() for event in sorted(events, key=lambda event: (event.event_id, event.source))]
    counted = insert_new_rows(session, UsageEvent, rows, unique="event_id, source")
    new = [event for event in events if event.id in counted]
    totals = {_Day(*row[:3]): row.quantity for row in session.execute(_ADD_TO_TOTALS, {"ids": list(counted)})}
    rates = {meter.id: rate for meter in meters if (rate := rate_of(meter)) is not None}
    charges = list(_charges(new, totals=totals, rates=rates))
    insert_rows(session, UsageCharge, charges)
    if charges:
        hint_after_commit(session, Hint.USAGE)
    return counted


def _charges(
    events: Sequence[NewEvent], *, totals: Mapping[_Day, Decimal], rates: Mapping[UUID, CreditRate]
) -> Iterator[dict[str, object]]:
    """Yield the charges of events that cost something; `totals` are those of their days with all of the events in them."""
    by_day: dict[_Day, list[NewEvent]] = defaultdict(list)
    for event in events:
        if event.meter_id in rates:
            by_day[event.day].append(event)
    for day, added in by_day.items():
        quantities = [event.quantity for event in added]
        before = Fraction(totals[day]) - sum(map(Fraction, quantities))
        for event, cost in zip(added, rates[day.meter_id].credits_of_each(quantities, before=before), strict=True):
            if cost:
                yield {"id": event.id, "customer_id": event.customer_id, "credits": cost}
