"""What happens when a worker starts, forks and stops, and when beat starts."""

import os
import threading
import time
from typing import Any

import structlog
from celery import signals
from celery.utils.nodenames import worker_direct
from kombu import Queue
from kombu.exceptions import OperationalError
from prometheus_client import multiprocess

from tasks.canary import canary_last_ran
from tasks.credits import sweep as sweep_credits
from tasks.maintenance import canary, ping_gateway, sweep
from tasks.runtime import forget_after_fork

CANARY_EVERY_SECONDS = 30
CANARY_MISSING_SECONDS = 90
log = structlog.get_logger(__name__)


def connect() -> None:
    """Connect the handlers below. Celery keeps weak references, so they are functions of this module."""
    signals.setup_logging.connect(_keep_our_logging)
    signals.worker_process_init.connect(_after_fork)
    signals.worker_process_shutdown.connect(_child_stops)
    signals.worker_ready.connect(_worker_ready)
    signals.beat_init.connect(_beat_starts)


def _keep_our_logging(**_: Any) -> None:
    """Celery sets up its own logging unless somebody listens here."""


def _after_fork(**_: Any) -> None:
    forget_after_fork()


def _child_stops(pid: int | None = None, **_: Any) -> None:
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR") and pid is not None:
        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]  # the library leaves it untyped


def _worker_ready(sender: Any, **_: Any) -> None:
    own_queue = worker_direct(sender.hostname)
    served = [str(queue.name) for queue in sender.task_consumer.queues if queue.name != own_queue.name]
    threading.Thread(target=_watch, args=(own_queue, served), name="canary", daemon=True).start()


def _watch(own_queue: Queue, served: list[str]) -> None:
    """Send this worker its canary, and end the worker when one stays unanswered: whoever supervises it starts another.

    A canary that could not be sent does not count: a broker that is away is not the worker's fault.
    """
    pause = threading.Event()
    unanswered_since: float | None = None
    while True:
        sent_at = time.monotonic()
        try:
            canary.apply_async(
                kwargs={"queues_of_worker": served}, queue=own_queue, expires=CANARY_EVERY_SECONDS, retry=False
            )
        except (OperationalError, OSError) as error:
            log.warning("canary.not_sent", error=type(error).__name__)
            unanswered_since = None
        else:
            unanswered_since = unanswered_since or sent_at
        pause.wait(CANARY_EVERY_SECONDS)
        if unanswered_since is None or (canary_last_ran() or 0.0) >= unanswered_since:
            unanswered_since = None
        elif time.monotonic() - unanswered_since > CANARY_MISSING_SECONDS:
            log.error("canary.missing", mend="the worker ends itself and is started again")
            os._exit(1)


def _beat_starts(**_: Any) -> None:
    """Run the first sweeps at once: they prove the way from beat to a worker, find what an outage left, and open the credits."""
    try:
        sweep.apply_async(retry=False, expires=60)
        sweep_credits.apply_async(retry=False, expires=60)
        ping_gateway.apply_async(retry=False, expires=60)
    except (OperationalError, OSError) as error:
        log.warning("beat.first_tasks_not_sent", error=type(error).__name__)
