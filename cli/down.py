"""`billing down`: stop the running stack."""

from typing import Annotated

import typer

from cli.options import DEFAULT_DATA_DIR, DataDirOption
from cli.output import messages
from local.control import stop_stack
from local.data_dir import DataDir

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: billing down")
def down(
    *,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for an orderly stop.")] = 60.0,
) -> None:
    """Stop the running stack in reverse order of its start. Data and logs are kept."""
    stop_stack(data_dir=DataDir(data_dir.resolve()), timeout_seconds=timeout)
    messages().print("Stopped. Data and logs are kept.")
