"""What can go wrong in the local stack, in categories that the command line maps to exit codes."""

from pathlib import Path


class LocalStackError(Exception):
    """A part of the local stack failed: says what happened and the command or change that mends it.

    `log_path`, where given, names the log whose last lines tell more.
    """

    def __init__(self, problem: str, *, mend: str, log_path: Path | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.mend = mend
        self.log_path = log_path


class Misconfigured(LocalStackError):
    """A setting or an option cannot be used as given."""


class NotRunning(LocalStackError):
    """No stack runs on this data directory."""


class OutsideServiceUnreachable(LocalStackError):
    """A server that the user brought (DATABASE_URL, REDIS_URL, …) does not answer."""
