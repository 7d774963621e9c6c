"""What every task has: a name that a person understands, a queue (tasks/queues.py), a log context, figures, and retries of
Unavailable only.

A task that calls a process gets the runtime, and no transaction is opened around it; a task that calls a use case gets a
session, which commits when it returns. What a task returns is a short sentence: it is what Flower shows.
"""

import time
from collections.abc import Callable
from typing import Any

import structlog
from celery import Task, shared_task
from sqlalchemy.orm import Session

from billing.errors import Unavailable
from billing.leases import postpone_pause
from billing.metrics import TASK_SECONDS, TASKS
from billing.runtime import Runtime
from tasks.queues import TASK_QUEUES
from tasks.runtime import current_runtime

RETRIES_MAX = 3
BoundTask = Task[Any, Any]
log = structlog.get_logger(__name__)


def billing_task(name: str) -> Callable[[Callable[..., str]], BoundTask]:
    """Make a task of `f(runtime, **message) -> summary`, for processes."""

    def decorate(function: Callable[..., str]) -> BoundTask:
        return _task(name, function, function)

    return decorate


def use_case_task(name: str) -> Callable[[Callable[..., str]], BoundTask]:
    """Make a task of `f(session, **message) -> summary`, for use cases: one transaction, committed around the call."""

    def decorate(function: Callable[..., str]) -> BoundTask:
        def in_transaction(runtime: Runtime, **message: Any) -> str:
            session: Session
            with runtime.transaction() as session:
                return function(session, **message)

        return _task(name, function, in_transaction)

    return decorate


def _task(name: str, function: Callable[..., str], run: Callable[..., str]) -> BoundTask:
    def body(self: BoundTask, /, **message: Any) -> str:
        started = time.monotonic()
        outcome = "failed"
        with structlog.contextvars.bound_contextvars(task=name, task_id=self.request.id):
            try:
                summary = run(current_runtime(), **message)
                outcome = "ok"
            except Unavailable as error:
                outcome = "retried"
                if self.request.retries >= RETRIES_MAX:
                    log.warning("task.gave_up", reason=error.code, mend="the next sweep finds the work")
                    return f"gave up: {error.code}"
                log.warning("task.retried", reason=error.code)
                pause = postpone_pause(self.request.retries + 1).total_seconds()
                raise self.retry(countdown=pause, max_retries=RETRIES_MAX) from error
            finally:
                TASKS.labels(task=name, outcome=outcome).inc()
                TASK_SECONDS.labels(task=name).observe(time.monotonic() - started)
            log.info("task.done", summary=summary)
            return summary

    body.__module__, body.__name__, body.__doc__ = function.__module__, function.__name__, function.__doc__
    if name not in TASK_QUEUES:
        raise ValueError(f"the task {name} has no queue; add it to tasks/queues.py")
    return shared_task(bind=True, name=name, ignore_result=True)(body)
