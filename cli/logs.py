"""`billing logs`: what the processes of the stack wrote."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from cli.options import DEFAULT_DATA_DIR, DataDirOption
from local.data_dir import DataDir
from local.process import last_lines

FOLLOW_SECONDS = 0.2

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: billing logs -f worker-network")
def logs(
    name: Annotated[str | None, typer.Argument(help="One process; all of them when left out.")] = None,
    *,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written from now on.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Last lines of each log to begin with.")] = 50,
) -> None:
    """Show the logs of the stack's processes; they are kept when it stops."""
    paths = _paths(log_dir=DataDir(data_dir.resolve()).log_dir, name=name)
    width = max(len(path.stem) for path in paths) if len(paths) > 1 else 0
    for path in paths:
        for line in last_lines(path=path, count=lines) if lines else []:
            _write(path=path, line=line, width=width)
    if follow:
        _follow(paths=paths, width=width)


def _paths(*, log_dir: Path, name: str | None) -> list[Path]:
    found = sorted(log_dir.glob("*.log"))
    chosen = [path for path in found if name in {None, path.stem}]
    if not chosen:
        known = ", ".join(path.stem for path in found) or "none yet: start the stack with `billing up`"
        raise CommandFailure(
            f"there is no log of {name!r} in {log_dir}" if name else f"there are no logs in {log_dir}",
            mend=f"the logs there are: {known}",
            exit_code=ExitCode.FAILED,
        )
    return chosen


def _write(*, path: Path, line: str, width: int) -> None:
    """Write one line, with its process's name where several are shown."""
    sys.stdout.write(f"{path.stem:<{width}} | {line}\n" if width else f"{line}\n")


def _follow(*, paths: Sequence[Path], width: int) -> None:
    """Write new lines until Ctrl-C. A log that became shorter was rotated, and is read from its begin."""
    opened: list[tuple[Path, BinaryIO]] = [(path, path.open("rb")) for path in paths]
    for _, file in opened:
        file.seek(0, 2)
    while True:
        for path, file in opened:
            if path.stat().st_size < file.tell():
                file.seek(0)
            for line in file:
                _write(path=path, line=line.decode(errors="replace").rstrip("\n"), width=width)
        sys.stdout.flush()
        time.sleep(FOLLOW_SECONDS)
