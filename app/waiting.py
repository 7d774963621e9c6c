"""`Prefer: wait=N`: hold a request until its operation has finished, woken by a notification, for N seconds at most.

Never more than half of the server's threads wait; past that, and whenever the notification does not come, the caller gets the
202 that it would have got without asking.
"""

import re
import threading
import time
from collections import defaultdict
from contextlib import suppress
from uuid import UUID

import redis
import structlog
from sqlalchemy.orm import Session
from werkzeug.http import parse_list_header

from billing.operation_runner import FINISHED_CHANNEL
from billing.runtime import Runtime
from models.operation import Operation

WAIT_SECONDS_MAX = 30
_SECONDS = re.compile(r"[0-9]{1,9}")
_LISTEN_SECONDS = 5.0
_RECONNECT_SECONDS = 1.0
log = structlog.get_logger(__name__)


def preferred_wait(header: str | None) -> int | None:
    """Return the seconds that a `Prefer` header asks to wait (RFC 7240), at most 30, or None.

    The first `wait` counts; one that is not a number of seconds asks for nothing.
    """
    for preference in parse_list_header(header or ""):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "wait":
            seconds = value.strip().strip('"')
            return min(int(seconds), WAIT_SECONDS_MAX) if _SECONDS.fullmatch(seconds) else None
    return None


# An outcome of before the wait began is not announced any more: a look finds it. It is rare, so nobody looks at once.
_FIRST_LOOK_SECONDS = 0.1


class OperationWaiter:
    """Holds the requests of one process that wait, and one connection on which the notifications come."""

    def __init__(self, *, runtime: Runtime, threads: int) -> None:
        self._runtime = runtime
        self._seats = threading.BoundedSemaphore(max(1, threads // 2))
        self._lock = threading.Lock()
        self._waiting: defaultdict[str, set[threading.Event]] = defaultdict(set)
        self._listener: threading.Thread | None = None
        self._closed = threading.Event()

    def wait(self, operation_id: UUID, *, seconds: int) -> Operation | None:
        """Return the operation once it has finished, or None when it has not in `seconds`, or when no seat is free."""
        if not self._seats.acquire(blocking=False):
            return None
        event = threading.Event()
        key = str(operation_id)
        try:
            with self._lock:
                self._waiting[key].add(event)
                self._listen()
            deadline = time.monotonic() + seconds
            event.wait(min(_FIRST_LOOK_SECONDS, seconds))
            while True:
                event.clear()
                finished = self._finished(operation_id)
                if finished is not None or time.monotonic() >= deadline:
                    return finished
                event.wait(max(0.0, deadline - time.monotonic()))
        finally:
            with self._lock:
                self._waiting[key].discard(event)
                if not self._waiting[key]:
                    del self._waiting[key]
            self._seats.release()

    def close(self) -> None:
        """End the listener; whoever waits still gets its answer when its time is up."""
        self._closed.set()
        if self._listener is not None:
            with suppress(redis.RedisError):  # without Redis there is nothing that it listens to
                self._runtime.redis.publish(FINISHED_CHANNEL, "")
            self._listener.join(_LISTEN_SECONDS)

    def _finished(self, operation_id: UUID) -> Operation | None:
        with self._runtime.statements() as connection, Session(connection, expire_on_commit=False) as session:
            operation = session.get(Operation, operation_id)
        return operation if operation is not None and operation.finished_at is not None else None

    def _listen(self) -> None:
        if self._listener is None:
            self._listener = threading.Thread(target=self._run, name="operation-waiter", daemon=True)
            self._listener.start()

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                with self._runtime.redis.pubsub() as channel:  # type: ignore[no-untyped-call]  # redis leaves it untyped
                    channel.subscribe(FINISHED_CHANNEL)
                    self._receive(channel)
            except (redis.RedisError, OSError) as error:
                log.warning("waiter.disconnected", error=type(error).__name__)
            self._closed.wait(_RECONNECT_SECONDS)

    def _receive(self, channel: "redis.client.PubSub") -> None:
        while not self._closed.is_set():
            message = channel.get_message(timeout=_LISTEN_SECONDS)
            if message is None:
                continue
            with self._lock:
                # After a (new) subscription anything may have been missed: let everybody look at the row once.
                woken = (
                    self._waiting.get(message["data"], set())
                    if message["type"] == "message"
                    else set().union(*self._waiting.values())
                )
                for event in woken:
                    event.set()
