"""Addresses and the details of who pays."""

from sandbox.json_types import Json

ADDRESS_FIELDS = ("city", "country", "line1", "line2", "postal_code", "state")


def full_address(given: Json | None, /) -> Json | None:
    """Return an address with every field, or None."""
    return None if given is None else {name: given.get(name) for name in ADDRESS_FIELDS}


def billing_details(given: Json | None, /) -> Json:
    """Return billing details with every field."""
    known = given or {}
    return {
        "address": full_address(known.get("address") or {}),
        "email": known.get("email"),
        "name": known.get("name"),
        "phone": known.get("phone"),
        "tax_id": known.get("tax_id"),
    }


def full_shipping(given: Json | None, /) -> Json | None:
    """Return shipping details with every field, or None."""
    if given is None:
        return None
    return {
        "address": full_address(given.get("address") or {}),
        "carrier": given.get("carrier"),
        "name": given.get("name"),
        "phone": given.get("phone"),
        "tracking_number": given.get("tracking_number"),
    }
