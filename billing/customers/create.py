"""Use case: create a customer. The gateway's customer is made by a worker, from the event."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from billing import audit, outbox
from billing.actor import Actor
from billing.customers.representation import customer_representation
from models.customer import Customer


def create_customer(session: Session, *, fields: Mapping[str, Any], actor: Actor, now: datetime) -> Customer:
    """Add a customer from validated `fields` (columns of Customer by name)."""
    customer = Customer(**fields, created_at=now, updated_at=now)
    session.add(customer)
    session.flush()
    representation = customer_representation(customer)
    public = str(representation["id"])
    outbox.emit(
        session,
        type_="customer.created",
        object_type="customer",
        object_id=public,
        customer_id=customer.id,
        payload=representation,
        now=now,
    )
    audit.record(
        session,
        actor=actor,
        action="customer.created",
        object_type="customer",
        object_id=public,
        before=None,
        after=representation,
        now=now,
    )
    return customer
