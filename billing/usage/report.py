"""Use case: take reported events in. Each stands for itself: what one is refused, the others may have.

An event that was taken before is known by its source and id, also when its day is closed meanwhile: who repeats it because an
answer was lost hears that it counts.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from billing.business_time import business_now_of_each
from billing.customers.find import CustomerNotFound, customer_of
from billing.errors import BillingError, Conflict, FieldFault, Invalid
from billing.usage.count import NewEvent, count_events
from billing.usage.meters import meters_of_types
from billing.usage.quantity import project_of, quantity_of
from billing.usage.window import outside_window
from models.ids import new_id
from models.usage import Meter, UsageEvent


class EventTypeNotMetered(Invalid):
    """No meter counts events of this type. Nothing was counted."""

    code = "usage_type_not_metered"


class UsageEventConflict(Conflict):
    """Another event with this source and id was taken before, and counts differently. Nothing was counted."""

    code = "usage_event_conflict"


class Reported(NamedTuple):
    """An event as it was sent: the attributes of CloudEvents that matter here, and its `data`."""

    source: str
    id: str
    type: str
    subject: str
    time: datetime
    data: object


class Taken(StrEnum):
    """What became of an event: it counts from now on, or it did already."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"


class Outcome(NamedTuple):
    """An event that counts, by the id of its row."""

    id: UUID
    taken: Taken


def report_usage(
    session: Session,
    reported: Sequence[Reported | BillingError],
    *,
    own: UUID | None,
    actor: str,
    late_max: timedelta,
    now: datetime,
) -> list[Outcome | BillingError]:
    """Return, in the order of `reported`, what became of each event; an error that stands in its place is returned as it is.

    `own` limits to events of one customer. Errors are CustomerNotFound, EventTypeNotMetered, UsageValueInvalid, UsageTooLate,
    UsageTooEarly and UsageEventConflict.
    """
    sent = [event for event in reported if isinstance(event, Reported)]
    meters = meters_of_types(session, {event.type for event in sent})
    customers, business_nows = _known_customers(session, {event.subject for event in sent}, own=own, now=now)
    read = [
        _read(event, meters=meters, customers=customers, actor=actor, now=now) if isinstance(event, Reported) else event
        for event in reported
    ]
    events = [event for event in read if isinstance(event, NewEvent)]
    refused = {
        event.id: outside_window(event.occurred_at, late_max=late_max, now=business_nows[event.customer_id])
        for event in events
    }
    counted = count_events(session, [event for event in events if refused[event.id] is None], meters=meters.values())
    stored = _stored(session, [event for event in events if event.id not in counted])
    return [
        _outcome(event, counted=counted, stored=stored, refusal=refused[event.id])
        if isinstance(event, NewEvent)
        else event
        for event in read
    ]


def _read(
    event: Reported, *, meters: Mapping[str, Meter], customers: Mapping[str, UUID], actor: str, now: datetime
) -> NewEvent | BillingError:
    if event.subject not in customers:
        detail = f"there is no customer {event.subject!r}; `subject` takes the customer's id"
        return CustomerNotFound(detail, errors=[FieldFault("/subject", "customer_not_found", detail)])
    if event.type not in meters:
        detail = f"no meter counts events of the type {event.type!r}; see GET /meters"
        return EventTypeNotMetered(detail, errors=[FieldFault("/type", "not_metered", detail)])
    meter = meters[event.type]
    try:
        quantity, project = quantity_of(meter, event.data), project_of(event.data)
    except BillingError as error:
        return error
    return NewEvent(
        id=new_id(),
        customer_id=customers[event.subject],
        meter_id=meter.id,
        source=event.source,
        event_id=event.id,
        occurred_at=event.time,
        quantity=quantity,
        project=project,
        actor=actor,
        received_at=now,
    )


def _outcome(
    event: NewEvent,
    *,
    counted: Collection[UUID],
    stored: Mapping[tuple[str, str], UsageEvent],
    refusal: BillingError | None,
) -> Outcome | BillingError:
    if event.id in counted:
        return Outcome(event.id, Taken.ACCEPTED)
    there = stored.get((event.source, event.event_id))
    if there is not None:
        if not _counts_the_same(event, there):
            return UsageEventConflict(
                f"the event {event.event_id!r} of {event.source!r} was taken before with another customer, type, time, "
                "quantity or project; a new event takes a new id"
            )
        return Outcome(there.id, Taken.DUPLICATE)
    if refusal is not None:
        return refusal
    raise LookupError(f"the event {event.id} was neither inserted nor there before")


def _counts_the_same(event: NewEvent, there: UsageEvent) -> bool:
    return (
        event.customer_id == there.customer_id
        and event.meter_id == there.meter_id
        and event.occurred_at == there.occurred_at
        and event.quantity == there.quantity
        and event.project == there.project
    )


def _known_customers(
    session: Session, subjects: Collection[str], *, own: UUID | None, now: datetime
) -> tuple[dict[str, UUID], dict[UUID, datetime]]:
    """Return the customers that there are, by how they are named, and what time it is for the business of each."""
    named = dict[str, UUID]()
    for subject in subjects:
        try:
            named[subject] = customer_of(subject, own=own)
        except CustomerNotFound:
            continue
    there = business_now_of_each(session, customer_ids=named.values(), now=now)
    return {subject: customer_id for subject, customer_id in named.items() if customer_id in there}, there


def _stored(session: Session, events: Sequence[NewEvent]) -> dict[tuple[str, str], UsageEvent]:
    keys = {(event.source, event.event_id) for event in events}
    if not keys:
        return {}
    query = select(UsageEvent).where(tuple_(UsageEvent.source, UsageEvent.event_id).in_(keys))
    return {(event.source, event.event_id): event for event in session.scalars(query)}
