"""What time it is for a customer's business: that of its test clock, else the real time (ADR 0019).

When credits end, which month a use counts in, what is billed when: that is business time. Idempotency keys, tokens, signatures,
rate limits, leases and retries live in real time, also those of customers on a clock.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from models.customer import Customer
from models.test_clock import TestClock


def business_now(session: Session, *, customer_id: UUID, now: datetime) -> datetime:
    """Return what time it is for the customer's business when it is really `now`. One look at two rows by their keys."""
    query = (
        select(TestClock.frozen_time)
        .join(Customer, Customer.test_clock_id == TestClock.id)
        .where(Customer.id == customer_id)
    )
    return session.scalar(query) or now


def business_now_of(session: Session, *, customer: Customer, now: datetime) -> datetime:
    """Do as `business_now` does for a customer that is loaded: without a query where it is on no clock."""
    if customer.test_clock_id is None:
        return now
    return business_now(session, customer_id=customer.id, now=now)


def business_now_of_each(session: Session, *, customer_ids: Collection[UUID], now: datetime) -> dict[UUID, datetime]:
    """Return what time it is for each of the customers, without those that are not there or are hidden."""
    query = (
        select(Customer.id, business_time(now).label("at"))
        .outerjoin(TestClock, TestClock.id == Customer.test_clock_id)
        .where(Customer.id.in_(customer_ids), Customer.deleted_at.is_(None))
    )
    return {row.id: row.at for row in session.execute(query)}


def business_time(now: datetime) -> ColumnElement[datetime]:
    """Return the business time of a row's customer as SQL; the query joins Customer, and outer-joins TestClock to it.

    For showing and for deciding about few rows. A scan by due time compares with a constant instead: see `in_real_time`.
    """
    return func.coalesce(TestClock.frozen_time, literal(now, DateTime(timezone=True)))


def in_real_time(customer_id: InstrumentedAttribute[UUID] | InstrumentedAttribute[UUID | None]) -> ColumnElement[bool]:
    """Return the condition that a row's customer is on no test clock. Every scan for what is due in real time takes it.

    What is due of the others is found by their clock's advance alone. It is an anti-join with the customers on clocks, which a
    partial index lists: where there are none, nothing is read for it, and the scan's own index on the due time is used as ever.
    """
    on_a_clock = aliased(Customer)
    return ~(
        select(on_a_clock.id)
        .where(on_a_clock.id == customer_id, on_a_clock.test_clock_id.is_not(None))
        .correlate(customer_id.class_)
        .exists()
    )
