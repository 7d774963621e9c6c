"""A browser, and the API over HTTP for it to look at."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import PROGRAMS, Tab, browser, program
from tests.service.servers import ServiceServers
from tests.service.world import World


@pytest.fixture(scope="session")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    executable = program()
    if executable is None:
        pytest.fail(f"needs {' or '.join(PROGRAMS)}; on Debian: apt-get install chromium")
    with browser(executable, profile=tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def address(servers: ServiceServers) -> Iterator[str]:
    servers.reset()
    with World.open(servers) as world, world.over_http() as url:
        yield url


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pictures are kept, to be looked at by a person: /tmp/pytest-of-…/pytest-current/screenshots0."""
    return tmp_path_factory.mktemp("screenshots")
