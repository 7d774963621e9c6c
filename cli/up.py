"""`billing up`: the whole local stack in one command."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.background import start_in_background
from cli.first_story import first_story
from cli.foreground import run_in_foreground
from cli.options import DEFAULT_DATA_DIR, DataDirOption
from cli.output import messages
from cli.panel import show_stack
from local.data_dir import DataDir
from local.lock import LockIsHeld
from local.options import StackOptions
from local.ports import LOOPBACK
from local.project import PROJECT_ROOT

DEFAULT_PORT = 3005

app = typer.Typer(add_completion=False)


class LogLevel(StrEnum):
    """The levels of BILLING_LOG_LEVEL."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


@app.command(epilog="Example: billing up --port 3006 --detach")
def up(
    *,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    port: Annotated[
        int, typer.Option(envvar="BILLING_SERVICE_PORT", min=1, max=65535, help="Port of the API.")
    ] = DEFAULT_PORT,
    host: Annotated[
        str, typer.Option(envvar="BILLING_SERVICE_HOST", help="Address that the API listens on.")
    ] = LOOPBACK,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when all is ready; it runs on.")] = False,
    demo: Annotated[bool, typer.Option("--demo/--no-demo", help="Tell the demo story on the first start.")] = True,
    panel: Annotated[bool, typer.Option(hidden=True)] = True,
    log_level: Annotated[
        LogLevel, typer.Option(envvar="BILLING_LOG_LEVEL", case_sensitive=False, help="Least level that is logged.")
    ] = LogLevel.INFO,
    procfile: Annotated[
        Path, typer.Option(dir_okay=False, help="The processes of the service; they run in its folder.")
    ] = PROJECT_ROOT / "Procfile",
    cards: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="TOML file that changes the sandbox's test cards.")
    ] = None,
) -> None:
    """Start the whole local stack and keep it running.

    Starts Postgres, two Valkeys, the Stripe sandbox, the migrations and the processes of the Procfile. A part is left out where
    you set its address: DATABASE_URL, REDIS_URL, REDIS_CREDITS_URL, STRIPE_SECRET_KEY.
    """
    options = StackOptions(
        data_dir=DataDir(data_dir.resolve()),
        host=host,
        port=port,
        log_level=log_level.value,
        procfile=procfile.resolve(),
        cards=None if cards is None else cards.resolve(),
        project_root=procfile.resolve().parent,
    )
    try:
        if detach:
            start_in_background(options=options)
            first_story(options=options, wanted=demo).wait()
        else:
            run_in_foreground(options=options, shown_data_dir=data_dir if panel else None, demo=demo)
            return
    except LockIsHeld as lock:
        messages().print(f"The stack runs already (pid {lock.pid}).")
    show_stack(data_dir=data_dir)
