"""The floors of the drain, with the worker's own settings: a task that does nothing, and one that handles one row a message."""

from dataclasses import replace

from celery import Celery

from billing.clock import utc_now
from billing.hints import Hint
from billing.settings import settings
from billing.webhooks.process import process_batch
from tasks.queues import WEBHOOKS
from tasks.runtime import current_runtime
from workers.config import worker_config

app = Celery("bench")
app.conf.update(worker_config(settings()))


@app.task(name="bench.nothing", queue=WEBHOOKS, ignore_result=True)
def nothing() -> None:
    """Do nothing: what is left is what Celery itself costs."""


@app.task(name="bench.one_row", queue=WEBHOOKS, ignore_result=True)
def one_row() -> None:
    """Handle one stored event, with the handlers that the service has."""
    # Without hints: each message takes its row, and none calls for the drain.
    process_batch(replace(current_runtime(), send_hint=_send_nothing), now=utc_now, limit=1)


def _send_nothing(_hint: Hint) -> None:
    """Take a hint and send nothing."""
