"""Use cases around meters: add, find, retire.

A meter does not change: what an event costs would depend on when it came. It is retired, and another one counts its events from
then on.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from billing import audit
from billing.actor import Actor
from billing.errors import Conflict, NotFound
from billing.usage.representation import METER_PREFIX, meter_representation
from models.ids import MalformedId, new_id, row_id
from models.usage import CreditRounding, Meter, MeterAggregation


class MeterNotFound(NotFound):
    """There is no meter with this id or code."""

    code = "meter_not_found"


class MeterExists(Conflict):
    """There is a meter with this code, or one in use that counts events of this type."""

    code = "meter_exists"


def create_meter(
    session: Session,
    *,
    code: str,
    name: str,
    event_type: str,
    value_property: str | None,
    credits_per_unit: tuple[int, int] | None,
    rounding: CreditRounding | None,
    actor: Actor,
    now: datetime,
) -> Meter:
    """Add a meter, which counts from now on: events, or what `value_property` of their `data` says. Raises MeterExists."""
    numerator, denominator = credits_per_unit or (None, None)
    in_the_way = select(Meter).where(
        or_(Meter.code == code, (Meter.event_type == event_type) & Meter.retired_at.is_(None))
    )
    for other in session.scalars(in_the_way.limit(1)):
        what = f"the code {code}" if other.code == code else f"counting {event_type}; retire it first"
        raise MeterExists(f"there is a meter {other.code} with {what}")
    meter = Meter(
        id=new_id(),
        code=code,
        name=name,
        event_type=event_type,
        aggregation=MeterAggregation.COUNT if value_property is None else MeterAggregation.SUM,
        value_property=value_property,
        credits_numerator=numerator,
        credits_denominator=denominator,
        rounding=rounding,
        created_at=now,
    )
    session.add(meter)
    session.flush()
    _record(session, meter, action="meter.created", before=None, actor=actor, now=now)
    return meter


def retire_meter(session: Session, *, named: str, actor: Actor, now: datetime) -> Meter:
    """Let a meter count no more events; what it has counted stays. Harmless to repeat. Raises MeterNotFound."""
    meter = find_meter(session, named=named, lock=True)
    if meter.retired_at is None:
        before = meter_representation(meter)
        meter.retired_at = now
        session.flush()
        _record(session, meter, action="meter.retired", before=before, actor=actor, now=now)
    return meter


def find_meter(session: Session, *, named: str, lock: bool = False) -> Meter:
    """Return the meter with this id or code, also a retired one; `lock` takes the row lock. Raises MeterNotFound."""
    try:
        query: Select[Meter] = select(Meter).where(Meter.id == row_id(METER_PREFIX, named))
    except MalformedId:
        query = select(Meter).where(Meter.code == named)
    meter = session.scalar(query.with_for_update() if lock else query, execution_options={"populate_existing": lock})
    if meter is None:
        raise MeterNotFound(f"there is no meter {named!r}")
    return meter


def meters_of_types(session: Session, event_types: Collection[str]) -> dict[str, Meter]:
    """Return the meters that count events of these types, by type."""
    query = select(Meter).where(Meter.event_type.in_(event_types), Meter.retired_at.is_(None))
    return {meter.event_type: meter for meter in session.scalars(query)}


def meters_by_id(session: Session, ids: Collection[UUID]) -> dict[UUID, Meter]:
    """Return meters by their ids."""
    return {meter.id: meter for meter in session.scalars(select(Meter).where(Meter.id.in_(ids)))}


def _record(
    session: Session, meter: Meter, *, action: str, before: dict[str, object] | None, actor: Actor, now: datetime
) -> None:
    after = meter_representation(meter)
    audit.record(
        session,
        actor=actor,
        action=action,
        object_type="meter",
        object_id=str(after["id"]),
        before=before,
        after=after,
        now=now,
    )
