"""Reading test clocks and their customers."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import Session

from billing.errors import NotFound
from billing.test_clocks.representation import PREFIX
from models.customer import Customer
from models.ids import MalformedId, row_id
from models.operation import Operation
from models.outbox import OutboxDelivery, OutboxEvent
from models.test_clock import TestClock


class ClockNotFound(NotFound):
    """There is no such test clock, or it was deleted."""

    code = "test_clock_not_found"


def clocks() -> Select[TestClock]:
    """Return the query for the clocks that are not deleted."""
    return select(TestClock).where(TestClock.deleted_at.is_(None))


def find_clock(session: Session, *, public: str, lock: bool = False, share: bool = False) -> TestClock:
    """Return the clock. `lock` takes the row lock, `share` one that only keeps it from being changed. Raises ClockNotFound."""
    try:
        query = clocks().where(TestClock.id == row_id(PREFIX, public))
    except MalformedId:
        raise ClockNotFound(f"there is no test clock {public!r}") from None
    if lock or share:
        query = query.with_for_update(read=not lock)
    clock = session.scalar(query, execution_options={"populate_existing": lock or share})
    if clock is None:
        raise ClockNotFound(f"there is no test clock {public!r}")
    return clock


def lock_clock(session: Session, clock_id: UUID) -> TestClock:
    """Return the clock, also a deleted one, with its row locked."""
    query = select(TestClock).where(TestClock.id == clock_id).with_for_update()
    return session.scalars(query, execution_options={"populate_existing": True}).one()


def customers_of(session: Session, *, clock_id: UUID) -> Sequence[UUID]:
    """Return the customers of a clock; none once it is deleted."""
    query = select(Customer.id).where(Customer.test_clock_id == clock_id, Customer.deleted_at.is_(None))
    return session.scalars(query).all()


def has_unfinished_work(session: Session, *, clock_id: UUID) -> bool:
    """Return whether an operation of one of the clock's customers has no outcome yet, or a consumer has an event to hear of."""
    on_the_clock = Customer.test_clock_id == clock_id
    operations = exists().where(Operation.customer_id == Customer.id, Operation.finished_at.is_(None), on_the_clock)
    deliveries = exists().where(
        OutboxDelivery.event_id == OutboxEvent.id,
        OutboxDelivery.next_attempt_at.is_not(None),
        OutboxEvent.customer_id == Customer.id,
        on_the_clock,
    )
    return bool(session.scalar(select(or_(operations, deliveries))))
