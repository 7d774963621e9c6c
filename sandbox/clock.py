"""The sandbox's clock: the only module of this package that reads the time."""

import time


def now() -> float:
    """Return the seconds since the epoch, with fractions."""
    return time.time()
