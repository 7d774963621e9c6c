"""Use case: create a customer. The gateway's customer is made by a worker, from the event."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.customers.representation import customer_representation
from billing.facts import record_fact
from billing.test_clocks.find import find_clock
from billing.test_clocks.mode import require_test_mode
from models.customer import Customer


def create_customer(
    session: Session,
    *,
    fields: Mapping[str, Any],
    test_clock: str | None,
    livemode: bool,
    actor: Actor,
    now: datetime,
) -> Customer:
    """Add a customer from validated `fields` (columns of Customer by name), on a test clock for ever if it names one.

    Raises ClocksOnlyInTestMode, ClockNotFound.
    """
    clock_id = None
    if test_clock is not None:
        require_test_mode(livemode=livemode)
        # Nobody deletes the clock, and so hides its customers, before this one is there to be hidden, too.
        clock_id = find_clock(session, public=test_clock, share=True).id
    customer = Customer(**fields, test_clock_id=clock_id, created_at=now, updated_at=now)
    session.add(customer)
    session.flush()
    representation = customer_representation(customer)
    record_fact(
        session,
        fact="customer.created",
        object_type="customer",
        state=representation,
        customer_id=customer.id,
        before=None,
        after=representation,
        actor=actor,
        now=now,
    )
    return customer
