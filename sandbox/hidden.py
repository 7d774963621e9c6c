"""What the sandbox knows about an object and Stripe's API does not show.

It is kept in the object under one key and taken out wherever the object leaves the sandbox.
"""

from sandbox.json_types import Json

_KEY = "_sandbox"


def hidden(body: Json, /) -> Json:
    """Return the hidden facts of an object, a dictionary to read and to write."""
    facts: Json = body.setdefault(_KEY, {})
    return facts


def without_hidden(body: Json, /) -> Json:
    """Return the object as the API shows it."""
    return {name: value for name, value in body.items() if name != _KEY}
