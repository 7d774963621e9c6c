"""The command under test, with the settings of the service under test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.ledger import app
from tests.service.commands import Run, command
from tests.service.world import World


@pytest.fixture
def billing(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    with command(app, world=world, monkeypatch=monkeypatch, data_dir=tmp_path) as run:
        yield run
