"""Ending with the parent: a server's or pool's child must not outlive a parent that was killed."""

import ctypes
import multiprocessing
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask Linux to send this process SIGTERM when the thread that started it ends; elsewhere do nothing.

    Ends at once when the parent is gone already: it may have been killed while this child was still importing.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    parent = multiprocessing.parent_process()
    if parent is not None and os.getppid() != parent.pid:
        sys.exit("the parent was killed while this process was starting")
