"""Waiting for a condition, with a limit."""

import time
from collections.abc import Callable
from typing import TypeVar

_Found = TypeVar("_Found")


def wait_for(look: Callable[[], _Found | None], *, seconds: float = 10.0) -> _Found:
    """Return what `look` returns as soon as it is neither None nor false nor empty."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.02)
