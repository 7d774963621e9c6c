"""Failures of a command, as the user sees them: what happened, the last lines of the log, what to do."""

from cli.exit_codes import ExitCode
from cli.output import messages
from local.errors import LocalStackError, Misconfigured, NotRunning, OutsideServiceUnreachable
from local.process import last_lines

EXIT_CODES: dict[type[LocalStackError], ExitCode] = {
    NotRunning: ExitCode.NOT_RUNNING,
    Misconfigured: ExitCode.CONFIGURATION,
    OutsideServiceUnreachable: ExitCode.OUTSIDE_SERVICE,
}


class CommandFailure(Exception):
    """A command cannot do what it was asked: says so, and what to do."""

    def __init__(self, problem: str, *, mend: str, exit_code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(problem)
        self.problem = problem
        self.mend = mend
        self.exit_code = exit_code


def report_failure(failure: CommandFailure | LocalStackError) -> ExitCode:
    """Write the failure to standard error and return the exit code that belongs to it."""
    if isinstance(failure, CommandFailure):
        _say(problem=failure.problem, mend=failure.mend)
        return failure.exit_code
    if failure.log_path is not None:
        for line in last_lines(path=failure.log_path):
            messages().print(f"  {line}", style="dim", markup=False, soft_wrap=True)
    _say(problem=failure.problem, mend=failure.mend)
    codes = (code for category, code in EXIT_CODES.items() if isinstance(failure, category))
    return next(codes, ExitCode.FAILED)


def _say(*, problem: str, mend: str) -> None:
    messages().print(f"error: {problem}", style="bold red", markup=False, soft_wrap=True)
    messages().print(f"  mend: {mend}", markup=False, soft_wrap=True)
