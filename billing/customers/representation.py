"""What callers, events and the audit log see of a customer."""

from billing.test_clocks.representation import PREFIX as CLOCK_PREFIX
from billing.timestamps import iso
from models.customer import Customer
from models.ids import public_id

PREFIX = "cus"
ADDRESS_PARTS = ("line1", "line2", "city", "postal_code", "state", "country")


def customer_representation(customer: Customer) -> dict[str, object]:
    """Return the customer as JSON-like data."""
    return {
        "id": public_id(PREFIX, customer.id),
        "email": customer.email,
        "name": customer.name,
        "currency": customer.currency,
        "address": address_of(customer),
        "tax_id": customer.tax_id,
        "locale": customer.locale,
        "timezone": customer.timezone,
        "metadata": customer.metadata_,
        "external_id": customer.external_id,
        "gateway_id": customer.gateway_id,
        "test_clock": public_id(CLOCK_PREFIX, customer.test_clock_id) if customer.test_clock_id is not None else None,
        "created_at": iso(customer.created_at),
        "updated_at": iso(customer.updated_at),
    }


def address_of(customer: Customer) -> dict[str, str | None]:
    """Return the address, part by part."""
    return {part: getattr(customer, part) for part in ADDRESS_PARTS}
