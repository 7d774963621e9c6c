"""Reading customers by their public ids."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.customers.representation import PREFIX
from billing.errors import NotFound
from models.customer import Customer
from models.ids import MalformedId, row_id


class CustomerNotFound(NotFound):
    """There is no such customer for this caller."""

    code = "customer_not_found"


def find_customer(session: Session, *, public: str, own: UUID | None, lock: bool = False) -> Customer:
    """Return the customer; `own` limits to one customer's own object; `lock` takes the row lock.

    Raises CustomerNotFound, also for another customer's object and for a text that is no id.
    """
    try:
        customer_id = row_id(PREFIX, public)
    except MalformedId:
        customer_id = None
    if customer_id is None or own not in {None, customer_id}:
        raise CustomerNotFound(f"there is no customer {public!r}")
    query = select(Customer).where(Customer.id == customer_id)
    customer = session.scalar(query.with_for_update() if lock else query, execution_options={"populate_existing": lock})
    if customer is None:
        raise CustomerNotFound(f"there is no customer {public!r}")
    return customer
