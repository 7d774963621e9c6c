"""Use case: change a customer's details."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from billing import audit
from billing.actor import Actor
from billing.customers.representation import customer_representation
from billing.facts import record_fact
from models.customer import Customer


def update_customer(
    session: Session, *, customer: Customer, fields: Mapping[str, Any], actor: Actor, now: datetime
) -> Customer:
    """Set the given fields of a locked customer; a call that changes nothing leaves no event and no audit entry."""
    before = customer_representation(customer)
    for name, value in fields.items():
        setattr(customer, name, value)
    changed_before, changed_after = audit.changed_fields(before, customer_representation(customer))
    if not changed_after:
        return customer
    customer.updated_at = now
    record_fact(
        session,
        fact="customer.updated",
        object_type="customer",
        state=customer_representation(customer),
        customer_id=customer.id,
        before=changed_before,
        after=changed_after,
        actor=actor,
        now=now,
    )
    return customer
