"""This process in its surroundings: it ends with its parent."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent(*, parent: int) -> None:
    """Ask the kernel to end this process when its parent dies (Linux only; elsewhere nothing happens).

    `parent` is the parent's process id as it was at the start: when it is another by now, the parent has died before
    the kernel was asked, and this process ends at once.
    """
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        sys.exit("The parent process is gone; the sandbox ends with it.")
