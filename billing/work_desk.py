"""Where one thread of a process leads the work on operations, and others make the calls for it.

One leader is what makes groups: while it writes one group down, the next gathers. Who comes while there is a leader rings, and
goes; the leader looks again before it leaves, so that no row waits because of a ring that came a moment too late. The threads
stay, because each keeps its connection to the gateway.
"""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from typing import Any

# How much one process has under way at the gateway; a row is claimed only when there is a seat for its call.
SEATS = 16


class WorkDesk:
    """The desk of one process. Starts no thread before the first call, so it may be made before a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._led = False
        self._rung = False
        self._news: queue.SimpleQueue[Future[Any] | None] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(SEATS, thread_name_prefix="gateway")

    def ring(self) -> bool:
        """Return whether somebody leads, who then looks at the rows again."""
        with self._lock:
            if self._led:
                self._rung = True
                self._news.put(None)
            return self._led

    def take_the_lead(self) -> bool:
        """Return whether the lead was free, and is the caller's now; who leads already is rung."""
        with self._lock:
            if not self._led:
                self._led = True
                return True
        self.ring()
        return False

    def leave(self) -> bool:
        """Give the lead back; return False, and keep it, when somebody has rung since `rung` was asked."""
        with self._lock:
            self._led = self._rung
            return not self._led

    def give_up(self) -> None:
        """Give the lead back whatever happened."""
        with self._lock:
            self._led = self._rung = False

    def rung(self) -> bool:
        """Return whether somebody has rung since this was asked last."""
        with self._lock:
            rung, self._rung = self._rung, False
            return rung

    def call(self, make: Callable[[], Any]) -> Future[Any]:
        """Let a thread do `make`, with the leader's log context; its end is news."""
        future = self._threads.submit(copy_context().run, make)
        future.add_done_callback(self._news.put)
        return future

    def wait_for_news(self, *, seconds: float, gather_seconds: float) -> list[Future[Any]]:
        """Wait until a call has ended, somebody rings, or the time is up; return the calls that have ended.

        After the first news those that come within `gather_seconds` are waited for, too.
        """
        news: list[Future[Any] | None] = []
        with suppress(queue.Empty):
            news.append(self._news.get(timeout=seconds))
            deadline = time.monotonic() + gather_seconds
            while True:
                news.append(self._news.get(timeout=max(0.0, deadline - time.monotonic())))
        return [future for future in news if future is not None]

    def close(self) -> None:
        """Let the calls under way end, and the threads with them."""
        self._threads.shutdown()
