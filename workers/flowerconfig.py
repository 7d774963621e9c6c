"""Flower's settings: behind a login, read-only, and with nothing of a message's content shown.

Flower reads the names of this module as its options.
"""

import sys
from typing import Any

from flower.views.monitor import Metrics
from tornado.web import authenticated

from billing.settings import settings

_settings = settings()
_login = _settings.FLOWER_BASIC_AUTH.get_secret_value()
if ":" not in _login:
    sys.exit("FLOWER_BASIC_AUTH: is missing; Flower does not start without a login (user:password)")

# Flower asks for a login on every page but this one, which tells the names of all workers and tasks.
Metrics.get = authenticated(Metrics.get)


def format_task(task: Any) -> Any:
    """Hide what a message says; the names and results of tasks are made for people."""
    task.args = task.kwargs = "[not shown]"
    return task


address = _settings.FLOWER_ADDRESS
port = _settings.FLOWER_PORT
basic_auth = [_login]
read_only = True
natural_time = True
max_tasks = 5_000
purge_offline_workers = 300
tasks_columns = "name,result,state,worker,received,runtime,uuid"
