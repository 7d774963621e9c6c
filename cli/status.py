"""`billing status`: the running stack."""

import shlex
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from cli.options import DEFAULT_DATA_DIR, DataDirOption, JsonOption
from cli.output import data, messages, print_json
from cli.panel import print_panel
from local.control import running_state
from local.data_dir import DataDir
from local.service_environment import read_service_environment
from local.stack_file import StillStarting, running_stack
from local.state import ProcessState, StackState

COLOURS = {"ready": "green", "starting": "yellow", "stopping": "yellow", "waiting": "red"}

app = typer.Typer(add_completion=False)


@app.command(epilog='Example: eval "$(billing status --env)"')
def status(
    *,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: JsonOption = False,
    as_env: Annotated[bool, typer.Option("--env", help="Print the service's settings as shell exports.")] = False,
) -> None:
    """Show the running stack: its processes, addresses and keys.

    Exit code 3 when none runs, 1 while it is still starting or a process is down.
    """
    if as_json and as_env:
        raise CommandFailure(
            "--json and --env exclude each other", mend="ask for one of them", exit_code=ExitCode.USAGE
        )
    folder = DataDir(data_dir.resolve())
    state = running_state(data_dir=folder)
    try:
        stack = running_stack(data_dir=folder)
    except StillStarting:
        messages().print("The stack is still starting, or stopping.")
        stack = None
    if as_env:
        for name, value in read_service_environment(data_dir=folder).items():
            sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
    elif as_json:
        addresses = {} if stack is None else asdict(stack)
        print_json(
            {**addresses, "ready": _all_ready(state), "process_states": [asdict(entry) for entry in state.processes]}
        )
    else:
        data().print(_table(state))
        if stack is not None:
            print_panel(stack=stack, data_dir=data_dir)
    if stack is None or not _all_ready(state):
        raise typer.Exit(ExitCode.FAILED)


def _all_ready(state: StackState) -> bool:
    return all(process.status == "ready" for process in state.processes)


def _table(state: StackState) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("process", "status", "pid", "since (UTC)", "restarts", "last exit"):
        table.add_column(title, header_style="bold")
    for process in state.processes:
        table.add_row(*_cells(process))
    return table


def _cells(process: ProcessState) -> list[str]:
    colour = COLOURS[process.status]
    return [
        process.name,
        f"[{colour}]{process.status}[/{colour}]",
        str(process.pid or ""),
        (process.started_at or "")[:19].replace("T", " "),
        str(process.restarts),
        "" if process.last_exit is None else str(process.last_exit),
    ]
