"""Waiting for a condition, with a limit."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], *, timeout_seconds: float = 15.0) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, f"still waiting after {timeout_seconds} s"
        time.sleep(0.02)
