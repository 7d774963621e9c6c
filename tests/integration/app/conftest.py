"""What the tests of the API's edge share."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from typing import Any

import pytest
import structlog

from billing.logging import configure_logging
from tests.service.servers import ServiceServers
from tests.service.world import World

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def refusing(servers: ServiceServers) -> Iterator[World]:
    """A service that a whole module asks for what it refuses, or only reads: no test of it may leave anything behind."""
    servers.reset()
    with World.open(servers) as opened:
        opened.key()
        yield opened


@pytest.fixture
def log_lines() -> Iterator[Lines]:
    """Log as a service does, and return what was written since the last call, line by line."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    with redirect_stdout(written):  # pytest's own capture changes the stream between a fixture and its test
        configure_logging(level="DEBUG", format_="json")

    def take() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in written.getvalue().splitlines()]
        written.seek(0)
        written.truncate()
        return lines

    yield take
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
