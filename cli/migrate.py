"""`billing migrate`: bring the database to the newest revision, one migrator at a time."""

from pathlib import Path

import typer
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import OperationalError

from billing.settings import InvalidSettings, settings
from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from cli.options import DEFAULT_DATA_DIR, DataDirOption
from cli.output import messages, tick
from cli.service_environment import use_service_environment

ALEMBIC_INI = Path(__file__).resolve().parent.parent / "alembic.ini"

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: billing migrate")
def migrate(*, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Bring the database to the newest revision (alembic upgrade head, under an advisory lock).

    Works on the database that DATABASE_URL names, else on the running stack's.
    """
    use_service_environment(data_dir=data_dir)
    try:
        url = settings().sqlalchemy_url
    except InvalidSettings as error:
        raise CommandFailure(
            f"the settings are not complete:\n{error}", mend="set what is named", exit_code=ExitCode.CONFIGURATION
        ) from None
    config = Config(ALEMBIC_INI)
    config.attributes["sqlalchemy_url"] = url
    try:
        command.upgrade(config, "head")
    except OperationalError as error:
        raise CommandFailure(
            f"the database could not be migrated: {type(error.orig).__name__}",
            mend="check that Postgres answers; a lock that was not free within 2 s means that the table is busy: try again",
            exit_code=ExitCode.OUTSIDE_SERVICE,
        ) from error
    messages().print(f"{tick()} the database is at the newest revision")
