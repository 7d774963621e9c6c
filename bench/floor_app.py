"""Floors on the server that we use: a bare Flask view that verifies nothing and inserts one row, and one that runs one script.

`python -m bench.floor_app` serves it with as many workers and threads as the API has.
"""

import time
import uuid

import redis
from flask import Flask, request
from granian.constants import Interfaces
from granian.server import Server
from psycopg_pool import ConnectionPool
from redis.commands.core import Script

from bench import floor_credits
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


@application.post("/credits/deduct")
def deduct() -> dict[str, object]:
    """Run the floor's script."""
    body = request.get_json()
    customer = body["customer_id"]
    answer = _script()(
        keys=floor_credits.keys(customer, request.headers["Idempotency-Key"]),
        args=[body["amount"], customer, str(uuid.uuid4()), body["operation"], time.monotonic_ns()],
    )
    return {"status": answer[0], "balance": answer[1]}


def _script() -> Script:
    if "script" not in application.extensions:
        server = redis.Redis.from_url(settings().credits_url, decode_responses=True)
        application.extensions["script"] = server.register_script(floor_credits.SCRIPT)
    return application.extensions["script"]  # type: ignore[no-any-return]  # Flask keeps extensions untyped


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
