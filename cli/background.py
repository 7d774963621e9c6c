"""The stack in the background: a supervisor of its own, whose start is followed until all is ready."""

import subprocess
import sys
import time
from pathlib import Path

import typer

from local.lock import LockIsHeld, holder_pid
from local.options import StackOptions
from local.project import PROJECT_ROOT

FOLLOW_SECONDS = 0.1
LOG_NAME = "supervisor"


def start_in_background(*, options: StackOptions) -> None:
    """Start the supervisor and return when its stack is ready; its messages are passed on meanwhile.

    Raises LockIsHeld when a stack runs already, typer.Exit with the supervisor's exit code when it gives up.
    """
    data_dir = options.data_dir
    data_dir.create()
    holder = holder_pid(path=data_dir.lock_path)
    if holder is not None:
        raise LockIsHeld(pid=holder)
    data_dir.stack_path.unlink(missing_ok=True)
    log_path = data_dir.log_path(name=LOG_NAME)
    with log_path.open("wb") as log:
        supervisor = subprocess.Popen(
            _command(options),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=PROJECT_ROOT,
            start_new_session=True,
        )
    try:
        _follow(supervisor=supervisor, log_path=log_path, ready_path=data_dir.stack_path)
    except KeyboardInterrupt:
        supervisor.terminate()
        supervisor.wait()
        raise


def _command(options: StackOptions) -> list[str]:
    chosen = {
        "--data-dir": str(options.data_dir.path),
        "--host": options.host,
        "--port": str(options.port),
        "--log-level": options.log_level,
        "--procfile": str(options.procfile),
    }
    if options.cards is not None:
        chosen["--cards"] = str(options.cards)
    arguments = [word for pair in chosen.items() for word in pair]
    return [sys.executable, "-m", "cli.main", "up", "--no-demo", "--no-panel", *arguments]


def _follow(*, supervisor: "subprocess.Popen[bytes]", log_path: Path, ready_path: Path) -> None:
    """Pass the supervisor's messages on until the stack is ready or the supervisor has ended."""
    with log_path.open("rb") as log:
        while not ready_path.exists():
            ended = supervisor.poll()
            sys.stderr.write(log.read().decode(errors="replace"))
            sys.stderr.flush()
            if ended is not None:
                raise typer.Exit(ended or 1)
            time.sleep(FOLLOW_SECONDS)
        sys.stderr.write(log.read().decode(errors="replace"))
