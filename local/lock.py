"""One supervisor per data directory. The kernel's file lock is the truth; the pid in the file only says whom to signal."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

# A `billing status` that looks at the lock holds it for an instant; a real holder keeps it.
ATTEMPTS = 5
ATTEMPT_PAUSE_SECONDS = 0.05


class LockIsHeld(Exception):
    """Another supervisor holds the lock."""

    def __init__(self, *, pid: int) -> None:
        super().__init__(f"held by pid {pid}")
        self.pid = pid


@contextlib.contextmanager
def supervisor_lock(*, path: Path) -> Iterator[None]:
    """Hold the lock for the block. Raises LockIsHeld. It is released by the kernel however this process ends."""
    with path.open("a+", encoding="ascii") as file:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == ATTEMPTS:
                    raise LockIsHeld(pid=_pid_in(path)) from None
                time.sleep(ATTEMPT_PAUSE_SECONDS)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def holder_pid(*, path: Path) -> int | None:
    """Return the pid of the running supervisor, or None. A pid file without a lock is what a crash left, and counts as None."""
    try:
        with path.open(encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return _pid_in(path)
    return None


def _pid_in(path: Path) -> int:
    return int(path.read_text(encoding="ascii") or "0")
