"""Faults on demand: answers that are lost, late, wrong or broken off."""

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

FAULTS_LIMIT = 100


class FaultKind(StrEnum):
    """What goes wrong."""

    LOST_ANSWER = "lost_answer"
    STATUS = "status"
    LATENCY = "latency"
    RESET = "reset"


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault, for requests to paths that fit a pattern, as often as `times_left` says.

    `lost_answer` does the work and breaks the connection off, `seconds` later; `reset` breaks it off before any work;
    `status` answers with an error and does no work; `latency` answers `seconds` later.
    """

    kind: FaultKind
    method: str = "*"
    path: str = "*"
    status: int = 500
    seconds: float = 0.0
    times_left: int = 1

    def fits(self, *, method: str, path: str) -> bool:
        """Tell whether a request meets this fault."""
        return self.method in ("*", method) and fnmatchcase(path, self.path)


class Faults:
    """The faults in force, the oldest first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault, /) -> None:
        """Put a fault in force; beyond the limit the oldest one gives way."""
        self._faults = [*self._faults, fault][-FAULTS_LIMIT:]

    def take(self, *, method: str, path: str) -> Fault | None:
        """Return the fault that a request meets, and count it."""
        for fault in self._faults:
            if fault.fits(method=method, path=path):
                fault.times_left -= 1
                if fault.times_left <= 0:
                    self._faults.remove(fault)
                return fault
        return None

    def all(self) -> list[Fault]:
        """Return the faults in force."""
        return list(self._faults)

    def clear(self) -> None:
        """Lift all faults."""
        self._faults = []
