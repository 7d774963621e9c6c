"""Celery's settings for workers and beat, each with its reason. What clients share is in tasks/celery_config.py."""

from datetime import timedelta
from typing import Any

from kombu import Exchange, Queue

from billing.settings import Settings
from tasks import queues
from tasks.celery_config import client_config
from tasks.maintenance import SCHEDULE

# How long a worker waits for an answer of the broker; the BRPOP of an idle worker is renewed well within it.
_SOCKET_TIMEOUT_SECONDS = 10
# Beat keeps no memory: it counts from its own start. So that a daily job runs although beat is restarted every hour, jobs are
# asked for more often than they run; the slot that a job claims decides (billing/beat_slots.py).
_ASKED_AT_LEAST_EVERY = timedelta(minutes=10)


def worker_config(settings: Settings) -> dict[str, Any]:
    """Return the whole configuration of the Celery application."""
    return {
        **client_config(settings, name="billing-worker", socket_timeout_seconds=_SOCKET_TIMEOUT_SECONDS),
        "task_queues": [Queue(name, Exchange(name, type="direct"), routing_key=name) for name in queues.QUEUES],
        "task_default_queue": queues.MAINTENANCE,
        "task_create_missing_queues": False,
        "task_routes": {task: {"queue": queue} for task, queue in queues.TASK_QUEUES.items()},
        # Each worker also listens on a queue of its own, to which its canary is sent.
        "worker_direct": True,
        # A message is acknowledged when its task has ended: one that dies with its worker is delivered again. Since rows are
        # claimed, that costs a look. A child that is killed gives its message back for the same reason.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        # A task that failed or timed out is done with as a message; its rows come back by their lease.
        "task_acks_on_failure": True,
        "task_acks_on_timeout": True,
        # Hints are few and each may run for seconds: nobody should hoard them.
        "worker_prefetch_multiplier": 1,
        # On prefork only. Threads cannot be stopped: there the lease, the gateway's time-out and statement_timeout bound a task.
        "task_soft_time_limit": 60,
        "task_time_limit": 90,
        "worker_cancel_long_running_tasks_on_connection_loss": True,
        "worker_soft_shutdown_timeout": 25,
        "worker_eta_task_limit": 1000,
        "worker_max_tasks_per_child": 1000,
        "worker_max_memory_per_child": 400_000,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_pool_limit": 10,
        # Flower's pages of workers need both; the broker takes a password and JSON only.
        "worker_enable_remote_control": True,
        "worker_send_task_events": True,
        "task_send_sent_event": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "beat_scheduler": "celery.beat:Scheduler",
        "beat_max_loop_interval": 5,
        "beat_schedule": {task: _entry(task, every) for task, every in SCHEDULE.items()},
    }


def _entry(task: str, every: timedelta) -> dict[str, Any]:
    """Return a schedule's entry. A message that nobody took in time is dropped: the next one says the same."""
    asked = min(every, _ASKED_AT_LEAST_EVERY)
    return {"task": task, "schedule": asked, "options": {"expires": asked.total_seconds()}}
