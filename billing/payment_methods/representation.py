"""What callers, events and the audit log see of a payment method."""

from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.timestamps import iso
from models.ids import public_id
from models.payment_method import PaymentMethod


def payment_method_representation(method: PaymentMethod) -> dict[str, object]:
    """Return the payment method as JSON-like data."""
    return {
        "id": method.id,
        "customer_id": public_id(CUSTOMER_PREFIX, method.customer_id),
        "type": method.type,
        "brand": method.brand,
        "last4": method.last4,
        "exp_month": method.exp_month,
        "exp_year": method.exp_year,
        "funding": method.funding,
        "country": method.country,
        "default": method.is_default,
        "created_at": iso(method.attached_at),
    }
