"""The WSGI application of one server process."""

import sys

from celery import Celery

from app.factory import create_app
from billing.logging import configure_logging
from billing.process_death import die_with_parent
from billing.runtime import Runtime, make_runtime
from billing.settings import InvalidSettings, Settings, settings
from tasks.celery_config import client_config
from tasks.hints import HintSender
from tasks.hints import redis_client as hint_redis


def web_runtime(configuration: Settings) -> Runtime:
    """Return the runtime of a web process, whose Celery client only publishes."""
    celery = Celery("billing-web", set_as_current=True)
    celery.config_from_object(
        client_config(configuration, name="billing-web", socket_timeout_seconds=configuration.REDIS_TIMEOUT_SECONDS)
    )
    # Without this, other threads would publish to amqp://guest@localhost.
    celery.set_default()
    sender = HintSender(celery=celery, redis_client=hint_redis(configuration))
    return make_runtime(configuration, send_hint=sender)


die_with_parent()
try:
    _settings = settings()
except InvalidSettings as error:
    sys.exit(f"The settings are not complete:\n{error}")
configure_logging(level=_settings.BILLING_LOG_LEVEL, format_=_settings.BILLING_LOG_FORMAT)
application = create_app(web_runtime(_settings))
