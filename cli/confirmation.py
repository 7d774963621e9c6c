"""Consent to what cannot be taken back."""

import typer

from cli.exit_codes import ExitCode
from cli.failures import CommandFailure


def require_consent(question: str, *, yes: bool, live: bool, livemode: bool) -> None:
    """Ask, unless `yes` says so already; in live mode only with `live`.

    Raises CommandFailure (exit code 2) in live mode without `live`, typer.Abort when the answer is no.
    """
    if livemode and not live:
        raise CommandFailure(
            "this installation is in live mode",
            mend="repeat the command with --live, if it is really meant for it",
            exit_code=ExitCode.USAGE,
        )
    if not yes:
        typer.confirm(question, abort=True, err=True)
