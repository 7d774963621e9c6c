"""A database session for commands, with the running stack's settings or the shell's."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.orm import Session

from billing.logging import configure_logging
from billing.runtime import Runtime
from billing.settings import InvalidSettings, settings
from billing.unit_of_work import DatabaseUnavailable
from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from cli.service_environment import use_service_environment
from tasks.publisher import publishing_runtime


def command_runtime(*, data_dir: Path) -> Runtime:
    """Return a runtime for a command. Raises CommandFailure naming each setting that is wrong.

    What the service would log goes to standard error, errors only: standard output is for what was asked for.
    """
    configure_logging(level="ERROR", format_="auto", stream=sys.stderr)
    use_service_environment(data_dir=data_dir)
    try:
        return publishing_runtime(settings(), name="billing-cli", background=False)
    except InvalidSettings as error:
        raise CommandFailure(
            f"the settings are not complete:\n{error}",
            mend="set what is named, or start a local stack with `billing up`",
            exit_code=ExitCode.CONFIGURATION,
        ) from None


@contextmanager
def command_session(*, data_dir: Path) -> Iterator[Session]:
    """Open one transaction for a command. Raises CommandFailure when Postgres does not answer."""
    runtime = command_runtime(data_dir=data_dir)
    try:
        with runtime.transaction() as session:
            yield session
    except DatabaseUnavailable as error:
        raise CommandFailure(
            "Postgres does not answer",
            mend="check DATABASE_URL, or see `billing status`",
            exit_code=ExitCode.OUTSIDE_SERVICE,
        ) from error
    finally:
        runtime.close()
