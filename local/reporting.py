"""What the stack tells whoever brought it up; the command line says it in colour, a test keeps it."""

from contextlib import AbstractContextManager
from typing import Protocol


class Reporter(Protocol):
    """Receives the phases of a start and what happens to the processes afterwards."""

    def phase(self, title: str, *, since: float | None = None) -> AbstractContextManager[None]:
        """Enclose one phase of the start: it is done when the block ends, failed when the block raises.

        `since` (monotonic seconds) is given when the phase's work began before the block, beside another phase's.
        """

    def note(self, text: str) -> None:
        """Take a remark that is neither progress nor an error."""

    def process_ended(self, *, name: str, exit_status: int | None, pause_seconds: float) -> None:
        """Take note that a process died and will be restarted after the pause."""
