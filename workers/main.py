"""The Celery application that `celery -A workers.main …` runs: workers, beat and Flower."""

import sys

from celery import Celery

from billing.logging import configure_logging
from billing.settings import InvalidSettings, settings
from workers import signals
from workers.config import worker_config

try:
    configuration = settings()
except InvalidSettings as error:
    sys.exit(f"The settings are not complete:\n{error}")
configure_logging(level=configuration.BILLING_LOG_LEVEL, format_=configuration.BILLING_LOG_FORMAT)
app = Celery(
    "billing",
    include=[
        "tasks.work",
        "tasks.credits",
        "tasks.usage",
        "tasks.subscriptions",
        "tasks.maintenance",
        "tasks.outgoing",
    ],
)
app.config_from_object(worker_config(configuration))
signals.connect()
