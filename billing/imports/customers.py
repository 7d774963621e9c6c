"""Use case: import customers. Each has the id of the system that it comes from, by which it is imported once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.customers.create import create_customer
from billing.customers.representation import PREFIX
from billing.imports.outcome import Outcome, RowReport, refused
from billing.imports.table import Fault
from models.customer import Customer
from models.ids import public_id


class CustomerRow(NamedTuple):
    """A customer to import; `fields` are columns of Customer. With a `gateway_id` the gateway's customer is adopted."""

    line: int
    external_id: str
    gateway_id: str | None
    fields: Mapping[str, Any]

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """What no other row of the file may have, by column."""
        adopted = (("gateway_customer_id", self.gateway_id),) if self.gateway_id else ()
        return ("external_id", self.external_id), *adopted


def import_customers(
    session: Session,
    rows: Sequence[CustomerRow],
    *,
    test_clock: str | None,
    livemode: bool,
    actor: Actor,
    now: datetime,
) -> list[RowReport]:
    """Add those of the customers that were not imported before, and report each; the external ids of `rows` differ.

    The gateway's customer of each is made by a worker, or, where it is adopted, told the details that the file says.
    Raises ClocksOnlyInTestMode, ClockNotFound.
    """
    imported = select(Customer.external_id, Customer.id).where(
        Customer.external_id.in_([row.external_id for row in rows]), Customer.deleted_at.is_(None)
    )
    known = {row.external_id: row.id for row in session.execute(imported)}
    adopted = select(Customer.gateway_id).where(
        Customer.gateway_id.in_([row.gateway_id for row in rows if row.gateway_id])
    )
    taken = set(session.scalars(adopted))
    reports = []
    for row in rows:
        if row.external_id in known:
            reports.append(
                RowReport(row.line, row.external_id, Outcome.EXISTS, public_id(PREFIX, known[row.external_id]))
            )
        elif row.gateway_id in taken:
            detail = f"{row.gateway_id} is another customer's already"
            reports.append(refused(row.line, row.external_id, Fault("gateway_customer_id", detail)))
        else:
            customer = create_customer(
                session,
                fields={**row.fields, "external_id": row.external_id, "gateway_id": row.gateway_id},
                test_clock=test_clock,
                livemode=livemode,
                actor=actor,
                now=now,
            )
            reports.append(RowReport(row.line, row.external_id, Outcome.CREATED, public_id(PREFIX, customer.id)))
    return reports
