"""The floor of webhook intake: a bare Flask view that verifies nothing and inserts one row, on the server that we use.

`python -m bench.floor_app` serves it with as many workers and threads as the API has.
"""

import uuid

from flask import Flask, request
from granian.constants import Interfaces
from granian.server import Server
from psycopg_pool import ConnectionPool

from billing.process_death import die_with_parent
from billing.settings import settings

application = Flask(__name__)
_INSERT = "INSERT INTO bench_floor (id, payload) VALUES (%s, %s)"


@application.get("/health/live")
def live() -> str:
    """Say that the server answers."""
    return "{}"


@application.post("/webhooks/stripe")
def take() -> str:
    """Insert the body."""
    with _pool().connection() as connection:
        connection.execute(_INSERT, (uuid.uuid4(), request.get_data(as_text=True)))
    return "{}"


def _pool() -> ConnectionPool:
    if "pool" not in application.extensions:
        configuration = settings()
        application.extensions["pool"] = ConnectionPool(
            configuration.DATABASE_URL.get_secret_value(),
            min_size=configuration.BILLING_WEB_THREADS,
            max_size=configuration.BILLING_WEB_THREADS,
            open=True,
        )
    return application.extensions["pool"]  # type: ignore[no-any-return]  # Flask keeps extensions untyped


def main() -> None:
    """Serve until told to stop."""
    configuration = settings()
    Server(
        "bench.floor_app:application",
        address="127.0.0.1",
        port=configuration.BILLING_SERVICE_PORT,
        interface=Interfaces.WSGI,
        workers=configuration.BILLING_WEB_WORKERS,
        blocking_threads=configuration.BILLING_WEB_THREADS,
        websockets=False,
        log_access=False,
    ).serve()


if __name__ == "__main__":
    main()
else:
    die_with_parent()
