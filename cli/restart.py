"""`billing restart`: one process of the stack."""

from typing import Annotated

import typer

from cli.options import DEFAULT_DATA_DIR, DataDirOption
from cli.output import messages, tick
from local.control import restart_process
from local.data_dir import DataDir

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: billing restart worker-network")
def restart(
    name: Annotated[str, typer.Argument(help="The process, as `billing status` names it.")],
    *,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait until it is ready again.")] = 90.0,
) -> None:
    """Stop one process in order, start it again, and wait until it is ready."""
    process = restart_process(data_dir=DataDir(data_dir.resolve()), name=name, timeout_seconds=timeout)
    messages().print(f"[green]{tick()}[/green] {name} is ready again (pid {process.pid}).")
