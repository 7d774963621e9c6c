"""What every Celery client of this service has in common, so that one place sets the visibility time-out for all of them."""

from typing import Any

from billing.settings import Settings

MESSAGE_PREFIX = "billing:"
_CONNECT_TIMEOUT_SECONDS = 3


def client_config(settings: Settings, *, name: str, socket_timeout_seconds: float) -> dict[str, Any]:
    """Return the settings of a client that publishes: broker, JSON only, no results.

    `retry_on_timeout` stays off, because a repeated publish may deliver twice: the row is published again by the sweeper
    anyway. Results are off, because the outcome of work is in its row.
    """
    visibility_timeout = settings.CELERY_VISIBILITY_TIMEOUT_SECONDS
    return {
        "broker_url": settings.broker_url,
        "broker_transport_options": {
            "visibility_timeout": visibility_timeout,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "unacked_mutex_expire": 30,
            "health_check_interval": 5,
            "socket_timeout": socket_timeout_seconds,
            "socket_connect_timeout": min(socket_timeout_seconds, _CONNECT_TIMEOUT_SECONDS),
            "socket_keepalive": True,
            "retry_on_timeout": False,
            "global_keyprefix": MESSAGE_PREFIX,
            "client_name": name,
        },
        "visibility_timeout": visibility_timeout,
        "result_backend": None,
        "task_ignore_result": True,
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        "result_accept_content": ["json"],
        "task_publish_retry": False,
        "timezone": "UTC",
        "enable_utc": True,
    }
