"""`python -m app.server`: the API under granian, as the settings say."""

import sys

from granian.constants import Interfaces
from granian.server import Server

from billing.logging import configure_logging
from billing.settings import InvalidSettings, settings

_BACKLOG = 512


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
        log_access=False,
    ).serve()


if __name__ == "__main__":
    main()
