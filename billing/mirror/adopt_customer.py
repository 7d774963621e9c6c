"""Use case: a customer of the gateway becomes one of ours, with what is known of it there."""

import re
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.customers.create import create_customer
from billing.gateways.snapshots import AddressSnapshot, CustomerSnapshot
from models.customer import Customer

_COUNTRY = re.compile("[A-Z]{2}")


def adopt_customer(session: Session, *, there: CustomerSnapshot, actor: Actor, now: datetime) -> Customer | None:
    """Return our customer of this gateway's customer, added where there is none; None where it was deleted or has no e-mail.

    What is taken over is what we write back to the gateway whenever our customer changes: e-mail, name, address.
    """
    known = session.scalar(select(Customer).where(Customer.gateway_id == there.id))
    if known is not None or there.deleted or not there.email:
        return known
    address = there.address or AddressSnapshot()
    fields = {"email": there.email, "name": there.name, **address.model_dump(), "gateway_id": there.id}
    if not _COUNTRY.fullmatch(address.country or ""):
        fields["country"] = None
    return create_customer(session, fields=fields, test_clock=None, livemode=False, actor=actor, now=now)
