"""What is sold again and again: products, and the prices under which they are."""

from decimal import Decimal

from sandbox.identifiers import new_id
from sandbox.json_types import Json


def new_product(*, name: str, created: int) -> Json:
    """Return a product without a price."""
    return {
        "id": new_id(prefix="prod"),
        "object": "product",
        "active": True,
        "created": created,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
        "name": name,
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": created,
        "url": None,
    }


def new_price(*, product: str, currency: str, unit_amount: int, recurring: Json, created: int) -> Json:
    """Return a price for each unit and interval, in the smallest unit of the currency."""
    return {
        "id": new_id(prefix="price"),
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": created,
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": product,
        "recurring": {
            "interval": recurring["interval"],
            "interval_count": recurring.get("interval_count", 1),
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        },
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring",
        "unit_amount": unit_amount,
        "unit_amount_decimal": str(Decimal(unit_amount)),
    }
