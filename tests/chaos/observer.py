"""Watching from outside while the faults go on: does the API answer, and how late is the oldest work?"""

import threading
import time

import httpx
import psycopg

from tests.chaos.stack import ChaosStack

_PROBE_EVERY_SECONDS = 0.1
_PROBE_TIMEOUT_SECONDS = 1.0
_LOOK_EVERY_SECONDS = 0.5
# Due, and taken by nobody: how long since?
_OLDEST = """
    SELECT greatest(0, max(extract(epoch FROM clock_timestamp() - next_attempt_at)))::float FROM (
        SELECT min(next_attempt_at) AS next_attempt_at FROM operations
        UNION ALL SELECT min(next_attempt_at) FROM inbox_events
        UNION ALL SELECT min(next_attempt_at) FROM outbox_deliveries) oldest
"""


class Observer:
    """Two threads that look, and what they saw."""

    def __init__(self, stack: ChaosStack) -> None:
        self._stack = stack
        self._done = threading.Event()
        self._answered: list[float] = []
        self._oldest: list[tuple[float, float]] = []
        self._threads = [threading.Thread(target=watch, daemon=True) for watch in (self._probe, self._look)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(10)

    def answered_after(self, moment: float) -> float | None:
        """Return how long after `moment` (monotonic) the API next answered that it is ready."""
        later = [at for at in self._answered if at >= moment]
        return min(later) - moment if later else None

    def oldest_due_seconds(self) -> float:
        """Return how long the longest-waiting due row was seen to wait."""
        return max((age for _, age in self._oldest), default=0.0)

    def _probe(self) -> None:
        with httpx.Client(base_url=self._stack.api_url, timeout=_PROBE_TIMEOUT_SECONDS) as client:
            while not self._done.wait(_PROBE_EVERY_SECONDS):
                try:
                    if client.get("/health/ready").status_code == 200:
                        self._answered.append(time.monotonic())
                except httpx.HTTPError:
                    continue

    def _look(self) -> None:
        while not self._done.wait(_LOOK_EVERY_SECONDS):
            try:
                with psycopg.connect(self._stack.database_url, autocommit=True, connect_timeout=2) as connection:
                    while not self._done.wait(_LOOK_EVERY_SECONDS):
                        found = connection.execute(_OLDEST.encode()).fetchone()
                        if found is not None and found[0] is not None:
                            self._oldest.append((time.monotonic(), float(found[0])))
            except psycopg.Error:
                continue
