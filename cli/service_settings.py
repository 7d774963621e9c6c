"""The service's settings for a command: the shell's, or those of the running stack."""

from pathlib import Path

from billing.settings import InvalidSettings, Settings, load_settings
from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from cli.service_environment import use_service_environment


def service_settings(*, data_dir: Path) -> Settings:
    """Return the settings. Raises NotRunning when there are none, CommandFailure (exit code 4) when they are wrong."""
    use_service_environment(data_dir=data_dir)
    try:
        return load_settings()
    except InvalidSettings as invalid:
        raise CommandFailure(
            "the settings are not complete: " + "; ".join(invalid.faults),
            mend="set or correct the variables named above",
            exit_code=ExitCode.CONFIGURATION,
        ) from invalid
