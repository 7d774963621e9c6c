"""The runtime of a process that sends hints and runs no task: the API and the command line."""

from celery import Celery

from billing.runtime import Runtime, make_runtime
from billing.settings import Settings
from tasks.celery_config import client_config
from tasks.hints import BackgroundHints, HintSender, redis_client


def publishing_runtime(settings: Settings, *, name: str, background: bool) -> Runtime:
    """Return a runtime whose Celery client only publishes; `name` is how the broker lists it.

    With `background`, hints are sent from a thread: for a process that stays, and whose callers should not wait.
    """
    celery = Celery(name, set_as_current=True)
    celery.config_from_object(client_config(settings, name=name, socket_timeout_seconds=settings.REDIS_TIMEOUT_SECONDS))
    # Without this, other threads would publish to amqp://guest@localhost.
    celery.set_default()
    sender = HintSender(celery=celery, redis_client=redis_client(settings))
    return make_runtime(settings, send_hint=BackgroundHints(sender.send) if background else sender)
