"""JSON pointers (RFC 6901): how an error names the part of a request that is at fault."""

from collections.abc import Iterable


def json_pointer(parts: Iterable[object]) -> str:
    """Return the pointer to the part that is reached by these names and indices; `""` is the whole."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)
