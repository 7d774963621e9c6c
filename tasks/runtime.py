"""The runtime of a worker process: built when the first task needs it, and built anew after a fork."""

import threading

from celery import current_app

from billing.runtime import Runtime, make_runtime
from billing.settings import settings
from tasks.hints import HintSender, redis_client

_lock = threading.Lock()
_built: list[tuple[Runtime, HintSender]] = []


def current_runtime() -> Runtime:
    """Return this process's runtime."""
    return _parts()[0]


def hint_sender() -> HintSender:
    """Return this process's sender of hints."""
    return _parts()[1]


def forget_after_fork() -> None:
    """Let go of what a parent process built, without closing the sockets that the parent still uses."""
    for runtime, _ in _built:
        runtime.dispose()
    _built.clear()


def _parts() -> tuple[Runtime, HintSender]:
    with _lock:
        if not _built:
            configuration = settings()
            sender = HintSender(celery=current_app, redis_client=redis_client(configuration))
            _built.append((make_runtime(configuration, send_hint=sender), sender))
        return _built[0]
