"""The command under test, with the settings of the service under test."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from billing.settings import settings
from cli.ledger import app
from tests.service.world import World

Run = Callable[..., Result]


@pytest.fixture
def billing(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    """Call `billing ledger`."""
    for name, value in world.servers.environment().items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--data-dir", str(tmp_path)])

    yield run
    settings.cache_clear()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
