"""What callers, events and the audit log see of a setup intent."""

from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.payments.declines import explain
from billing.timestamps import iso
from models.ids import public_id
from models.setup_intent import SetupIntent

PREFIX = "si"


def setup_intent_representation(intent: SetupIntent) -> dict[str, object]:
    """Return the setup intent as JSON-like data."""
    return {
        "id": public_id(PREFIX, intent.id),
        "customer_id": public_id(CUSTOMER_PREFIX, intent.customer_id),
        "status": str(intent.status),
        "payment_method": intent.payment_method_id,
        "client_secret": intent.client_secret,
        "next_action": intent.next_action,
        "decline": explain(intent.decline_code).representation() if intent.decline_code else None,
        "gateway_id": intent.gateway_id,
        "created_at": iso(intent.created_at),
    }
