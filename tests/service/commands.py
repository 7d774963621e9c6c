"""A command of `billing` under test, with the settings of the service under test."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog
import typer
from typer.testing import CliRunner, Result

from billing.settings import settings
from tests.service.world import World

Run = Callable[..., Result]


@contextmanager
def command(app: typer.Typer, *, world: World, monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> Iterator[Run]:
    """Yield what calls `app` with arguments; afterwards the process's settings and logging are as they were."""
    for name, value in world.servers.environment().items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--data-dir", str(data_dir)])

    yield run
    settings.cache_clear()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
