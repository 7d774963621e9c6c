"""One run of our own `billing` command in a process of its own: the supervisor stays free of what the command imports."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from local.errors import LocalStackError

COMMAND_SECONDS_MAX = 120.0
POLL_SECONDS = 0.02


class CommandFailed(LocalStackError):
    """The command ended with an error, or did not end."""


def run_billing_command(
    *,
    arguments: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    log_path: Path,
    keep_waiting: Callable[[], None],
) -> str:
    """Run `billing ARGUMENTS…` and return its standard output; its messages go to the log.

    `keep_waiting` is called while it runs and may raise to give up. Raises CommandFailed.
    """
    shown = f"billing {' '.join(arguments)}"
    # Standard output goes to a file without a name, not to the log: it may hold a secret that is shown once.
    with tempfile.TemporaryFile() as output, log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=log,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )
        try:
            _wait(process=process, shown=shown, log_path=log_path, keep_waiting=keep_waiting)
        finally:
            process.kill()
            process.wait()
        output.seek(0)
        printed = output.read().decode()
    if process.returncode != 0:
        raise CommandFailed(
            f"`{shown}` failed (exit status {process.returncode})",
            mend=f"mend what its messages say, then start again: {log_path}",
            log_path=log_path,
        )
    return printed


def _wait(*, process: "subprocess.Popen[bytes]", shown: str, log_path: Path, keep_waiting: Callable[[], None]) -> None:
    deadline = time.monotonic() + COMMAND_SECONDS_MAX
    while process.poll() is None:
        keep_waiting()
        if time.monotonic() > deadline:
            raise CommandFailed(
                f"`{shown}` did not end within {COMMAND_SECONDS_MAX:.0f} s",
                mend=f"read its messages, then start again: {log_path}",
                log_path=log_path,
            )
        time.sleep(POLL_SECONDS)
