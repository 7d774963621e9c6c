"""The supervisor's guard: a process that does nothing until the supervisor is gone, then ends what it left.

The kernel's death signal ends each direct child of a killed supervisor, but not their children (pools of workers). The guard
holds the other end of a pipe: however the supervisor ends, the pipe closes. After an orderly stop there is nothing to do.
"""

import subprocess
import sys
from pathlib import Path

from local.leftovers import end_leftovers
from local.project import PROJECT_ROOT


def start_guard(*, state_path: Path) -> "subprocess.Popen[bytes]":
    """Start the guard for the calling process. It ends by itself; closing its `stdin` and waiting is enough."""
    return subprocess.Popen(
        [sys.executable, "-m", "local.guard", str(state_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=PROJECT_ROOT,
        # A session of its own: Ctrl-C in the terminal must not reach it.
        start_new_session=True,
    )


if __name__ == "__main__":
    sys.stdin.buffer.read()
    end_leftovers(state_path=Path(sys.argv[1]))
