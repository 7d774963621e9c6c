"""When this worker's pool last ran its canary. A ping does not tell: a worker that answers pings may be deaf to its queues.

The value lies in memory that the worker shares with the children of its pool.
"""

import mmap
import struct
import time

_shared = mmap.mmap(-1, 8)


def canary_has_run() -> None:
    """Note that the canary runs now, in whichever process of the pool this is."""
    _shared[:8] = struct.pack("d", time.monotonic())


def canary_last_ran() -> float | None:
    """Return when (on the monotonic clock, which all processes share) the canary ran last, or None when it never has."""
    (at,) = struct.unpack("d", _shared[:8])
    return at or None
