"""The customer object."""

from sandbox.identifiers import new_id, random_text
from sandbox.json_types import Json


def new_customer(*, created: int) -> Json:
    """Return a customer of whom nothing is known yet."""
    return {
        "id": new_id(prefix="cus"),
        "object": "customer",
        "address": None,
        "balance": 0,
        "business_name": None,
        "created": created,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "individual_name": None,
        "invoice_prefix": random_text(length=8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def deleted(body: Json, /) -> Json:
    """Return what remains of a deleted object."""
    return {"id": body["id"], "object": body["object"], "deleted": True}
