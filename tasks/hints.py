"""Sending hints. A lost hint costs one sweep; a hint too many costs one empty look: so they may be dropped and coalesced.

A hint is outstanding while its flag is in Redis: set when the message is published, deleted by the worker before it looks at
the rows. Whoever commits a row while the flag is set sends nothing, because that look is still to come. A flag whose message
was lost ends by itself.
"""

import threading
import time
from collections.abc import Callable

import redis
import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from billing.fail_points import fail_point
from billing.hints import Hint
from billing.metrics import HINTS
from billing.settings import Settings
from tasks.queues import HINT_TASKS, TASK_QUEUES

_FLAG = "billing:hint:"
_WAKE = "billing:wake:"
_FLAG_MILLISECONDS = 1_000
# After a hint could not be sent, none is tried for this long: a request must not wait for a broker that is away.
_BREAK_SECONDS = 2.0
_EXPIRES_SECONDS = 60
# Nobody waits for the audit log's chain, and sealing what a second brought costs hardly more than sealing one entry.
_NO_HURRY = {Hint.AUDIT: 1.0}
_BACKGROUND_PAUSE_SECONDS = 0.03
WAKE_SECONDS_MAX = 60
log = structlog.get_logger(__name__)


def redis_client(settings: Settings) -> redis.Redis:
    """Return the client that the flags are kept with; it never waits long."""
    return redis.Redis.from_url(
        settings.REDIS_URL.get_secret_value(),
        socket_timeout=settings.REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=settings.REDIS_TIMEOUT_SECONDS,
    )


class HintSender:
    """Sends hints through a Celery client; never raises and never waits longer than one socket time-out."""

    def __init__(self, *, celery: Celery, redis_client: redis.Redis) -> None:
        self._celery = celery
        self._redis = redis_client
        self._lock = threading.Lock()
        self._silent_until = 0.0
        self._woken_until: dict[Hint, float] = {}

    def __call__(self, hint: Hint) -> None:
        """Send `hint`, or let it be lost."""
        self.send(hint)

    def send(self, hint: Hint) -> bool:
        """Send `hint`, unless one is outstanding already; return False when the broker was, or had just been, away."""
        if hint in _NO_HURRY:
            return self.wake_later(hint, seconds=_NO_HURRY[hint])
        return self._guarded(hint, lambda: self._send_coalesced(hint))

    def wake_later(self, hint: Hint, *, seconds: float) -> bool:
        """Send `hint` after `seconds` (a minute at most), unless such a wake-up is on its way already; answers as `send` does."""
        pause = max(1, min(round(seconds + 0.5), WAKE_SECONDS_MAX))
        asked = time.monotonic()
        if asked < self._woken_until.get(hint, 0.0):
            return True  # one that this process asked for is on its way, and comes no later
        taken = self._guarded(hint, lambda: self._wake_coalesced(hint, pause))
        if taken and hint in _NO_HURRY:
            self._woken_until[hint] = asked + min(pause, _NO_HURRY[hint]) / 2
        return taken

    def clear(self, hint: Hint) -> None:
        """Say that the rows behind `hint` are about to be looked at: from now on a commit needs a hint of its own."""
        self.look(hint, again=False)

    def look(self, hint: Hint, again: bool) -> None:  # noqa: FBT001 - the one thing that is said
        """Say as `clear` does, unless another look comes `again` within a second: until then no commit needs a hint."""
        try:
            if again:
                self._redis.set(_FLAG + hint, 1, px=_FLAG_MILLISECONDS)
            else:
                self._redis.delete(_FLAG + hint)
        except redis.RedisError as error:
            log.warning("hint.flag_not_cleared", hint=str(hint), error=type(error).__name__)

    def _send_coalesced(self, hint: Hint) -> str:
        if not self._redis.set(_FLAG + hint, 1, nx=True, px=_FLAG_MILLISECONDS):
            return "coalesced"
        fail_point("hint.flag_set")
        try:
            self._publish(hint, countdown=None)
        except (OperationalError, OSError):
            self._redis.delete(_FLAG + hint)  # nothing is outstanding: the next commit must not rely on it
            raise
        fail_point("hint.published")
        return "sent"

    def _wake_coalesced(self, hint: Hint, pause: int) -> str:
        if not self._redis.set(_WAKE + hint, 1, nx=True, ex=pause):
            return "coalesced"
        self._publish(hint, countdown=pause)
        return "delayed"

    def _publish(self, hint: Hint, *, countdown: int | None) -> None:
        task = HINT_TASKS[hint]
        expires = _EXPIRES_SECONDS + (countdown or 0)
        self._celery.send_task(task, queue=TASK_QUEUES[task], countdown=countdown, expires=expires, retry=False)

    def _guarded(self, hint: Hint, send: Callable[[], str]) -> bool:
        with self._lock:
            silent = time.monotonic() < self._silent_until
        if silent:
            HINTS.labels(hint=hint, outcome="skipped").inc()
            return False
        try:
            outcome = send()
        except (redis.RedisError, OperationalError, OSError) as error:
            outcome = "lost"
            with self._lock:
                self._silent_until = time.monotonic() + _BREAK_SECONDS
            log.warning("hint.lost", hint=str(hint), error=type(error).__name__, mend="the sweeper finds the row")
        HINTS.labels(hint=hint, outcome=outcome).inc()
        return outcome != "lost"


class BackgroundHints:
    """Hands hints to a sender in a thread of its own, so that no request waits for the broker.

    The first is sent at once; what is asked for within the next few milliseconds is one. A hint that could not be sent is kept,
    and tried again once the sender's silence is over: a broker that blinked costs seconds, not a sweep. What a process that
    dies took with it is found by the sweeper.
    """

    def __init__(self, send: Callable[[Hint], bool]) -> None:
        self._send = send
        self._asked: set[Hint] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def __call__(self, hint: Hint) -> None:
        """Let `hint` be sent soon."""
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="hints", daemon=True)
                self._thread.start()
            self._asked.add(hint)
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._asked:
                    self._changed.wait()
                asked, self._asked = self._asked, set()
            unsent = {hint for hint in sorted(asked) if not self._send(hint)}
            with self._changed:
                self._asked |= unsent
            time.sleep(_BREAK_SECONDS if unsent else _BACKGROUND_PAUSE_SECONDS)
