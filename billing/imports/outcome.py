"""What becomes of a row of an import."""

from enum import StrEnum
from typing import NamedTuple

from billing.imports.table import Fault


class Outcome(StrEnum):
    """`exists`: a row with this external id was imported before, and is left as it is."""

    CREATED = "created"
    EXISTS = "exists"
    REFUSED = "refused"


class RowReport(NamedTuple):
    """A row's line, its external id (None where it names none), what became of it, and the id, or the faults."""

    line: int
    external_id: str | None
    outcome: Outcome
    id: str | None = None
    faults: tuple[Fault, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether the row cannot be imported."""
        return self.outcome is Outcome.REFUSED


def refused(line: int, external_id: str | None, *faults: Fault) -> RowReport:
    """Return the report of a row that cannot be imported."""
    return RowReport(line, external_id, Outcome.REFUSED, faults=faults)
