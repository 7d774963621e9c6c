"""A world whose credits server is open, and fail points that a test arms."""

from collections.abc import Callable
from pathlib import Path

import pytest

from billing import fail_points
from tests.service.world import World


@pytest.fixture
def opened(world: World) -> World:
    world.open_credits()
    return world


@pytest.fixture
def fails_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Let the next who passes a fail point be cut off there."""
    monkeypatch.setattr(fail_points, "_directory", str(tmp_path))

    def arm(name: str) -> None:
        assert name in fail_points.FAIL_POINTS
        (tmp_path / name).write_text("raise", encoding="ascii")

    return arm
