"""Reading customers by their public ids."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.customers.representation import PREFIX
from billing.errors import FieldFault, Invalid, NotFound
from models.customer import Customer
from models.ids import MalformedId, public_id, row_id


class CustomerNotFound(NotFound):
    """There is no such customer for this caller."""

    code = "customer_not_found"


class CustomerNotNamed(Invalid):
    """The request does not say whom it is about, and no customer's token implies it."""

    code = "customer_id_required"


def find_customer(session: Session, *, public: str, own: UUID | None, lock: bool = False) -> Customer:
    """Return the customer; `own` limits to one customer's own object; `lock` takes the row lock.

    Raises CustomerNotFound, also for another customer's object, for a text that is no id, and once its test clock is deleted.
    """
    customer_id = customer_of(public, own=own)
    query = select(Customer).where(Customer.id == customer_id, Customer.deleted_at.is_(None))
    customer = session.scalar(query.with_for_update() if lock else query, execution_options={"populate_existing": lock})
    if customer is None:
        raise CustomerNotFound(f"there is no customer {public!r}")
    return customer


def require_customer(session: Session, customer_id: UUID, *, hidden_too: bool = False) -> Customer:
    """Return the customer. Raises CustomerNotFound; `hidden_too`: not for one whose test clock is deleted."""
    customer = session.get(Customer, customer_id)
    if customer is None or (customer.deleted_at is not None and not hidden_too):
        raise CustomerNotFound(f"there is no customer {public_id(PREFIX, customer_id)!r}")
    return customer


def customer_of(public: str | None, *, own: UUID | None) -> UUID:
    """Return whom a request is about, from its text alone: the caller's own customer when it names none.

    Whether there is such a customer is not asked. Raises CustomerNotFound for a text that is no id and for another customer
    than the caller's own, CustomerNotNamed.
    """
    if public is None:
        if own is None:
            detail = "name the customer: customer_id"
            raise CustomerNotNamed(detail, errors=[FieldFault("/customer_id", "missing", detail)])
        return own
    try:
        customer_id = row_id(PREFIX, public)
    except MalformedId:
        customer_id = None
    if customer_id is None or own not in {None, customer_id}:
        raise CustomerNotFound(f"there is no customer {public!r}")
    return customer_id
