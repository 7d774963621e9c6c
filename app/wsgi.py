"""The WSGI application of one server process."""

import sys

from app.factory import create_app
from billing.logging import configure_logging
from billing.process_death import die_with_parent
from billing.settings import InvalidSettings, settings
from tasks.publisher import publishing_runtime

die_with_parent()
try:
    _settings = settings()
except InvalidSettings as error:
    sys.exit(f"The settings are not complete:\n{error}")
configure_logging(level=_settings.BILLING_LOG_LEVEL, format_=_settings.BILLING_LOG_FORMAT)
application = create_app(publishing_runtime(_settings, name="billing-web", background=True))
