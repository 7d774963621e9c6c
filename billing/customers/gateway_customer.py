"""Process: see to it that the gateway has the customer, and knows the details that we know."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from billing.customers.representation import PREFIX, address_of
from billing.errors import InvariantBroken
from billing.fail_points import fail_point
from billing.gateways.snapshots import CustomerDetails
from billing.runtime import Runtime
from models.customer import Customer
from models.ids import public_id


class CustomerVanished(InvariantBroken):
    """A row that names a customer outlived the customer."""

    code = "customer_vanished"


def ensure_gateway_customer(runtime: Runtime, *, customer_id: UUID, now: datetime) -> str:
    """Return the id of the gateway's customer, which is created when there is none yet.

    Two workers may do this at once: both use the same key, so the gateway gives both the same customer.
    """
    with runtime.transaction() as session:
        customer = _customer(session.get(Customer, customer_id))
        if customer.gateway_id is not None:
            return customer.gateway_id
        generation, details = customer.gateway_generation, _details(customer)
    public = public_id(PREFIX, customer_id)
    fail_point("customer.before_call")
    created = runtime.gateway.create_customer(customer_id=public, idempotency_key=f"customer-{public}-{generation}")
    fail_point("customer.after_answer")
    runtime.gateway.update_customer(gateway_id=created.id, details=details)
    with runtime.transaction() as session:
        customer = _customer(session.scalar(select(Customer).where(Customer.id == customer_id).with_for_update()))
        if customer.gateway_id is None and customer.gateway_generation == generation:
            customer.gateway_id = created.id
            customer.updated_at = now
        return customer.gateway_id or created.id


def sync_gateway_customer(runtime: Runtime, *, customer_id: UUID, now: datetime) -> None:
    """Bring the gateway's customer to our newest details; harmless to repeat, and later details win."""
    gateway_id = ensure_gateway_customer(runtime, customer_id=customer_id, now=now)
    with runtime.transaction() as session:
        details = _details(_customer(session.get(Customer, customer_id)))
    runtime.gateway.update_customer(gateway_id=gateway_id, details=details)


def _customer(found: Customer | None) -> Customer:
    if found is None:
        raise CustomerVanished("the customer of this row does not exist any more")
    return found


def _details(customer: Customer) -> CustomerDetails:
    return CustomerDetails(email=customer.email, name=customer.name, address=address_of(customer))
