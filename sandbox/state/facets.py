"""Rule: the values of an object by which lists and searches find it."""

from sandbox.json_types import Json

_FIELDS = (
    "customer",
    "payment_intent",
    "charge",
    "type",
    "email",
    "source",
    "payment_method",
    "setup_intent",
    "product",
    "lookup_key",
)
# What only these kinds are listed by.
_STATUS_OF = ("invoice", "subscription")

# Where a value would be an index entry that nobody asks for.
_UNUSED = frozenset(
    {
        ("charge", "payment_method"),
        ("refund", "customer"),
        ("refund", "payment_method"),
        ("payment_intent", "payment_method"),
    }
)

Facets = set[tuple[str, str]]


def facets_of(body: Json) -> Facets:
    """Return the pairs of field and value; metadata as `metadata[name]`."""
    kind = body["object"]
    found = {
        (field, value)
        for field in _FIELDS
        if isinstance(value := body.get(field), str) and (kind, field) not in _UNUSED
    }
    if kind in _STATUS_OF:
        found.add(("status", body["status"]))
    if kind == "invoice":
        found.add(("subscription", body["parent"]["subscription_details"]["subscription"]))
    metadata = body.get("metadata")
    if metadata:
        found |= {(f"metadata[{name}]", text) for name, text in metadata.items()}
    return found
