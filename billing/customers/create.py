"""Use case: create a customer. The gateway's customer is made by a worker, from the event."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.customers.representation import customer_representation
from billing.facts import record_fact
from models.customer import Customer


def create_customer(session: Session, *, fields: Mapping[str, Any], actor: Actor, now: datetime) -> Customer:
    """Add a customer from validated `fields` (columns of Customer by name)."""
    customer = Customer(**fields, created_at=now, updated_at=now)
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
