"""`python -m app.server`: the API under granian, as the settings say."""

import sys

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from billing.logging import configure_logging
from billing.settings import InvalidSettings, settings

_BACKLOG = 512
# The server's own words go through our handlers, so that each line of the log has one form.
_LOG_AS_WE_DO = {"loggers": {"_granian": {"handlers": [], "propagate": True}}}


def main() -> None:
    """Serve until told to stop."""
    try:
        configuration = settings()
    except InvalidSettings as error:
        sys.exit(f"The settings are not complete:\n{error}")
    configure_logging(level=configuration.BILLING_LOG_LEVEL, format_=configuration.BILLING_LOG_FORMAT)
    Server(
        "app.wsgi:application",
        address=configuration.BILLING_SERVICE_HOST,
        port=configuration.BILLING_SERVICE_PORT,
        interface=Interfaces.WSGI,
        workers=configuration.BILLING_WEB_WORKERS,
        blocking_threads=configuration.BILLING_WEB_THREADS,
        backlog=_BACKLOG,
        respawn_failed_workers=True,
        websockets=False,
        log_access=False,
        log_level=LogLevels(configuration.BILLING_LOG_LEVEL.lower()),
        log_dictconfig=_LOG_AS_WE_DO,
    ).serve()


if __name__ == "__main__":
    main()
