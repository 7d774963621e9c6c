"""The servers that service tests share: real Postgres, real Valkey, the sandbox; started once for each test process.

Tests ask for `world` (tests/service/world.py). Nothing starts for tests that do not.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.servers import ServiceServers
from tests.service.world import World


@pytest.fixture(scope="session")
def servers() -> Iterator[ServiceServers]:
    # Not tmp_path: as root that lies below a directory of mode 0700, which Postgres' own user cannot enter.
    directory = Path(tempfile.mkdtemp(prefix="billing-test-"))
    directory.chmod(0o711)
    started = ServiceServers.start(directory)
    yield started
    started.stop()
    shutil.rmtree(directory)


@pytest.fixture
def world(servers: ServiceServers) -> Iterator[World]:
    """A service with empty tables and a sandbox that holds its webhooks until the test releases them."""
    servers.reset()
    with World.open(servers) as opened:
        yield opened
