"""Every code that an error body may carry, collected from the classes that raise it."""

from typing import NamedTuple

from billing.errors import BillingError


class ErrorEntry(NamedTuple):
    """One code: the status that it comes with, its title, and what it means."""

    code: str
    status: int
    title: str
    meaning: str


def error_catalogue() -> list[ErrorEntry]:
    """Return every concrete error that is loaded, by status and code."""
    entries = {kind.code: kind for kind in _descendants(BillingError)}
    return sorted(
        (ErrorEntry(kind.code, kind.status, kind.title, (kind.__doc__ or "").strip()) for kind in entries.values()),
        key=lambda entry: (entry.status, entry.code),
    )


def _descendants(kind: type[BillingError]) -> list[type[BillingError]]:
    return [found for child in kind.__subclasses__() for found in (child, *_descendants(child))]
